internal import CacheUnion
public import Formats
internal import Host

/// What a build's export has put into the store, for counting. It says nothing about whether its layers exist.
public struct ArrivedExport: Equatable, Sendable {
    /// The files in the pool that the export's index reaches: manifest, config and layers.
    public let blobs: [ByteString]

    /// By the directory that BuildKit was told to write to, or the one to which trimming has moved it since; nil if it
    /// has no complete index, or has been deleted.
    public init?(at path: ByteString) {
        guard let export = Export.currentLocation(of: path), export.parentPath.parentPath.lastPathComponent == "exports"
        else {
            return nil
        }
        let generation = Generation(path: export.parentPath.parentPath.parentPath, owner: Kernel.userID)
        guard Generation.isName(generation.path.lastPathComponent) else { return nil }
        var reader = Preflight()
        guard let blob = try? reader.manifest(ofExport: export, in: generation) else { return nil }
        let manifest = try? reader.read(blob, in: generation)
        let named = manifest.map { [$0.config] + $0.layers } ?? []
        blobs = ([blob.digest] + named.map(\.digest)).map(generation.blobPath)
    }

    /// The bytes that it added to the store since a time, in seconds since 1970: those of blobs that are not yet in
    /// `reached`, to which they are added. Older blobs count as nothing, because the history of exports is not kept for
    /// ever. A blob's modification time is the time of its arrival (containerd plugins/content/local/writer.go,
    /// `Commit`).
    public func bytes(since time: Int, besides reached: inout Set<ByteString>) -> UInt64 {
        blobs.reduce(0) { sum, blob in
            guard reached.insert(blob).inserted, let status = try? Files.status(blob, followLinks: false),
                status.kind == .regular, status.modified / 1_000_000_000 >= time
            else { return sum }
            return sum &+ UInt64(max(0, status.size))
        }
    }

    /// How many steps the build of an export executed since a time, in seconds since 1970, although the manifest that
    /// it imported has them; nil if that is no longer known, because replaced unions are deleted after ten minutes.
    public static func remade(by path: ByteString, importing digest: ByteString, since time: Int64) -> Int? {
        guard let export = Export.currentLocation(of: path), let digest = Digest(digest) else { return nil }
        let generation = Generation(path: export.parentPath.parentPath.parentPath, owner: Kernel.userID)
        guard Generation.isName(generation.path.lastPathComponent) else { return nil }
        let names = (try? Files.names(in: generation.path, limit: 65_536)) ?? []
        let folders = names.filter { $0.hasPrefix(Generation.linksPrefix) }.map {
            Generation(path: generation.path.appending(path: $0), owner: generation.owner)
        }
        var reader = Preflight()
        guard let manifest = try? reader.manifest(ofExport: export, in: generation),
            let made = try? reader.contents(of: manifest, in: generation).graph
        else { return nil }
        for place in [generation] + folders {
            guard let size = try? Files.status(place.blobPath(digest), followLinks: false).size,
                let union = try? reader.contents(of: .init(digest: digest, size: size), in: place).graph
            else { continue }
            return made.remade(since: time, although: union)
        }
        return nil
    }
}
