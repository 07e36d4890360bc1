internal import CacheUnion
public import Formats
internal import Host

/// What a build's export has left in the store, for counting: nothing here says that it is safe to import.
public struct ArrivedExport: Equatable, Sendable {
    /// The pool's files that the export's index reaches: manifest, config and layers, there or not.
    public let blobs: [ByteString]

    private static let largestText = 1 << 20

    /// By the directory that BuildKit was told to write to, or where trimming has moved it since; nil when no whole index has
    /// come there, or it has been deleted.
    public init?(at path: ByteString) {
        guard let export = Export.currentLocation(of: path), export.parentPath.parentPath.lastPathComponent == "exports"
        else {
            return nil
        }
        let generation = Generation(path: export.parentPath.parentPath.parentPath, owner: Kernel.userID)
        guard Generation.isName(generation.path.lastPathComponent) else { return nil }
        let manifests = Self.read(export.appending(path: Export.index))?[field: "manifests"]?.array ?? []
        var blobs: [ByteString] = []
        func add(_ json: JSON) -> ByteString? {
            guard let blob = json[field: "digest"]?.string.flatMap(generation.blobPath) else { return nil }
            blobs.append(blob)
            return blob
        }
        for manifest in manifests.compactMap(add).compactMap(Self.read) {
            // Two formats: an image manifest, or an index whose entries are the layers and the config.
            let entries = (manifest[field: "layers"] ?? manifest[field: "manifests"])?.array ?? []
            for entry in [manifest[field: "config"]].compactMap({ $0 }) + entries { _ = add(entry) }
        }
        guard !blobs.isEmpty else { return nil }
        self.blobs = blobs
    }

    /// What it brought into the store since a time, in seconds since 1970: blobs that are not among those `reached` before, which
    /// come to them. Nothing for a blob from before: what tells of exports forgets. A blob has the time of its arrival
    /// (containerd plugins/content/local/writer.go, `Commit`).
    public func bytes(since time: Int, besides reached: inout Set<ByteString>) -> UInt64 {
        blobs.reduce(0) { sum, blob in
            guard reached.insert(blob).inserted, let status = try? Files.status(blob, followLinks: false),
                status.kind == .regular, status.modified / 1_000_000_000 >= time
            else { return sum }
            return sum &+ UInt64(max(0, status.size))
        }
    }

    /// How many steps the build of an export has made since a time, in seconds since 1970, although the manifest that it imported has
    /// them; nil where that is not known any more: what a union has replaced goes after ten minutes.
    public static func remade(by path: ByteString, importing digest: ByteString, since time: Int64) -> Int? {
        guard let export = Export.currentLocation(of: path), Digest(digest) != nil else { return nil }
        let generation = Generation(path: export.parentPath.parentPath.parentPath, owner: Kernel.userID)
        guard Generation.isName(generation.path.lastPathComponent) else { return nil }
        let names = (try? Files.names(in: generation.path, limit: 65_536)) ?? []
        let folders = names.filter { $0.hasPrefix(Generation.linksPrefix) }.map {
            Generation(path: generation.path.appending(path: $0), owner: generation.owner)
        }
        var reader = Preflight(indexes: .max, bytes: .max)
        guard let manifest = try? reader.manifest(ofExport: export, in: generation),
            let made = try? reader.contents(of: manifest, in: generation).graph
        else { return nil }
        for place in [generation] + folders {
            guard let path = place.blobPath(digest), let size = try? Files.status(path, followLinks: false).size,
                let union = try? reader.contents(of: .init(digest: digest, size: size), in: place).graph
            else { continue }
            return made.remade(since: time, although: union)
        }
        return nil
    }

    private static func read(_ path: ByteString) -> JSON? {
        (try? Files.read(path, limit: largestText, followLinks: false)).flatMap { JSON($0) }
    }
}
