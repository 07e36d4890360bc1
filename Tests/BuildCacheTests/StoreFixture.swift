import Formats
import Glibc
import Host
import Notes
import Synchronization
import TestSupport
import Testing

@testable import BuildCache

/// A store in a temporary folder, and a repository whose builds use it.
struct StoreFixture {
    let folder: TemporaryFolder
    let store: Store

    init(in folder: TemporaryFolder? = nil) throws {
        self.folder = try folder ?? TemporaryFolder()
        store = Store(try #require(StoreLayout(root: self.folder["store"])))
        try self.folder.write("work/.git/config", "[remote \"origin\"]\n\turl = https://example.org/o/app.git\n")
    }

    /// The user's own first generation, made if it is missing.
    func generation() throws -> Generation { try store.prepareOwn() }

    /// A build of the repository on a branch.
    func build(_ branch: ByteString = "topic", _ arguments: [ByteString] = [], target: ByteString? = nil) throws
        -> BuildIdentity
    {
        try folder.write("work/.git/HEAD", "ref: refs/heads/" + branch + "\n")
        let description = BuildDescription(
            context: .directory(folder["work"]), target: target, arguments: arguments, workingDirectory: folder["work"])
        return BuildIdentity(of: description, platform: "linux/amd64")
    }

    func opened(trusted: [UInt32]? = nil, leasing: Bool = false) -> OpenedStore {
        OpenedStore(store, trusted: trusted ?? [store.user], leasing: leasing)
    }

    func lookup(
        for builds: BuildIdentity..., trusted: [UInt32]? = nil, leasing: Bool = false, scope: UnionScope = .store,
        acting: Bool = true
    ) -> CacheLookup {
        CacheLookup(of: opened(trusted: trusted, leasing: leasing), for: builds, scope: scope, acting: acting)
    }

    /// A lookup whose time is up once it has asked this many times, and how often it asked.
    func lookup(
        for build: BuildIdentity, timeFor most: Int, trusted: [UInt32]? = nil, acting: Bool = true
    ) -> (CacheLookup, asked: Int) {
        let questions = Atomic<Int>(0)
        let deadline = Deadline { questions.add(1, ordering: .relaxed).oldValue >= most }
        let store = opened(trusted: trusted, leasing: trusted != nil)
        let lookup = CacheLookup(of: store, for: [build], acting: acting, until: deadline)
        return (lookup, questions.load(ordering: .relaxed))
    }

    /// The lookup of a build, with the merged union written.
    func imported(
        for builds: BuildIdentity..., trusted: [UInt32]? = nil, scope: UnionScope = .store
    ) -> CacheLookup {
        var lookup = CacheLookup(of: opened(trusted: trusted), for: builds, scope: scope, acting: true)
        lookup.write()
        return lookup
    }

    /// The layers in the result of a lookup, whether or not it has been written.
    func layers(of lookup: CacheLookup) throws -> Set<Digest> {
        guard let found = lookup.found.first ?? nil else { return [] }
        if let text = lookup.merged { return Set(try layers(in: text)) }
        return Set(try layers(in: try Files.read(found.source.blobPath(found.digest), limit: 1 << 20)))
    }

    private func layers(in manifest: ByteString) throws -> [Digest] {
        let json = try #require(JSON(manifest))
        let entries = try #require((json[field: "layers"] ?? json[field: "manifests"])?.array)
        return entries.compactMap { $0[field: "digest"]?.string.flatMap { Digest($0) } }
    }

    /// Whether a build imports all layers of some exports; writes nothing.
    func finds(_ exports: StoredExport..., for build: BuildIdentity, trusted: [UInt32]? = nil) throws -> Bool {
        let layers = try layers(of: lookup(for: build, trusted: trusted, acting: false))
        return exports.allSatisfy { layers.isSuperset(of: $0.layers.map(\.digest)) }
    }

    /// Puts a blob into the pool.
    @discardableResult
    func put(_ content: ByteString, in generation: Generation) throws -> StoredBlob {
        let digest = Digest(of: content)
        let path = generation.blobPath(digest)
        if (try? Files.status(path)) == nil { try Files.replace(path, with: content, mode: 0o444) }
        return StoredBlob(digest: digest, size: content.count, path: path)
    }

    /// A complete export, as BuildKit leaves it. `seconds` since 1970 is when it started and ended; `content` makes its
    /// digests unique, `made` is when all its steps were executed.
    @discardableResult
    func export(
        for build: BuildIdentity, at seconds: Int64, _ content: ByteString, as format: ManifestFormat = .image,
        padding: Int = 0, in place: Generation? = nil, steps: Int = 2, on base: ByteString = "source",
        made: ByteString = "2026-11-28T10:00:00Z"
    ) throws -> StoredExport {
        let generation = try place ?? generation()
        let names: [ByteString] = steps == 2 ? ["first", "last"] : (0..<steps).map { ByteString(decimal: $0) }
        let layers = try names.map { try put($0 + " layer of " + content, in: generation) }
        let config = try put(
            Self.config(of: content, on: base, made, layers: layers.map(\.digest.name)), in: generation)
        let text = format.text(config: config, layers: layers)
        let manifest = try put(text + ByteString(" ").repeated(padding), in: generation)
        let path = try unfinished(for: build, at: seconds, in: generation)
        let index = path.appending(path: "index.json")
        try Files.replace(index, with: manifest.index, mode: 0o644)
        try setTime(of: index, seconds: seconds)
        return StoredExport(path: path, manifest: manifest, config: config, layers: layers, generation: generation)
    }

    /// What BuildKit writes for a base image and a chain of steps.
    private static func config(
        of content: ByteString, on base: ByteString, _ made: ByteString, layers: [ByteString]
    ) -> ByteString {
        var records: [JSON] = [.object(["digest": .string(digest(base))])]
        for number in layers.indices {
            records.append(
                .object([
                    "digest": .string(digest(content + ByteString(decimal: number))),
                    "inputs": .array([.array([.object(["link": .integer(number)])])]),
                    "layers": .array([
                        .object(["layer": .integer(number), "createdAt": .string(made)])
                    ]),
                ]))
        }
        return JSON.object([
            "layers": .array(
                layers.enumerated().map { .object(["blob": .string($1), "parent": .integer($0 - 1)]) }),
            "records": .array(records),
        ]).text
    }

    private static func digest(_ text: ByteString) -> ByteString { "sha256:" + SHA256.hexDigest(of: text) }

    /// The export of a failed build.
    @discardableResult
    func unfinished(for build: BuildIdentity, at seconds: Int64, in place: Generation? = nil) throws -> ByteString {
        let random = Hex.digits(of: Kernel.randomBytes(8))
        let name = ExportName(variant: build.variant, started: seconds, random: random)
        let path = try (place ?? generation()).keyPath(build.key).appending(path: name.text)
        try Files.makeDirectories(path, mode: 0o755)
        return path
    }

    func setTime(of path: ByteString, seconds: Int64) throws {
        var times = [timespec](repeating: timespec(tv_sec: Int(seconds), tv_nsec: 0), count: 2)
        try #require(utimensat(AT_FDCWD, path.lossy, &times, 0) == 0)
    }
}

/// The two formats in which BuildKit writes a cache.
enum ManifestFormat: CaseIterable {
    /// Today's default.
    case image
    /// buildx 0.13: the layers are in an index, together with the config.
    case index

    func text(config: StoredBlob, layers: [StoredBlob]) -> ByteString {
        let config = config.descriptor("application/vnd.buildkit.cacheconfig.v0")
        let layers = layers.map { $0.descriptor("application/vnd.oci.image.layer.v1.tar+gzip") }
        switch self {
        case .image:
            return JSON.object([
                "schemaVersion": .integer(2), "mediaType": .string("application/vnd.oci.image.manifest.v1+json"),
                "config": config, "layers": .array(layers),
            ]).text
        case .index:
            return JSON.object([
                "schemaVersion": .integer(2), "mediaType": .string("application/vnd.oci.image.index.v1+json"),
                "manifests": .array(layers + [config]),
            ]).text
        }
    }
}

/// A blob in the pool.
struct StoredBlob {
    let digest: Digest
    let size: Int
    let path: ByteString

    func descriptor(_ mediaType: ByteString) -> JSON {
        .object(["mediaType": .string(mediaType), "digest": .string(digest.name), "size": .integer(size)])
    }

    /// The index.json of an export with this manifest.
    var index: ByteString {
        JSON.object([
            "schemaVersion": .integer(2),
            "manifests": .array([descriptor("application/vnd.oci.image.manifest.v1+json")]),
        ]).text
    }
}

/// An export and what it reaches.
struct StoredExport {
    let path: ByteString
    let manifest: StoredBlob
    let config: StoredBlob
    let layers: [StoredBlob]
    let generation: Generation

    var digest: Digest { manifest.digest }
    var index: ByteString { path.appending(path: "index.json") }
}

extension CacheLookup {
    /// The digest of the import.
    var digest: Digest? { found.first??.digest }
}

/// Why the store refused something; nil if it did not.
func rejection(_ body: () throws -> Void) -> Reason? {
    do {
        try body()
        return nil
    } catch {
        return (error as? StoreError)?.note.reason
    }
}
