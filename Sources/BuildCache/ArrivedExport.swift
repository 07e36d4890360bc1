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
        let home = path.parentPath.parentPath.parentPath
        guard path.parentPath.parentPath.lastPathComponent == "exports", Generation.isName(home.lastPathComponent)
        else {
            return nil
        }
        var generation = Generation(path: home, owner: Kernel.userID)
        if Files.isMissing(path), let name = try? Files.readLink(home.parentPath.appending(path: "current")),
            Generation.isName(name)
        {
            generation = Generation(path: home.parentPath.appending(path: name), owner: Kernel.userID)
        }
        let export = generation.exportsPath.appending(path: path.parentPath.lastPathComponent)
            .appending(path: path.lastPathComponent)
        let manifests = Self.read(export.appending(path: "index.json"))?[field: "manifests"]?.array ?? []
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

    private static func read(_ path: ByteString) -> JSON? {
        (try? Files.read(path, limit: largestText, followLinks: false)).flatMap { JSON($0) }
    }
}
