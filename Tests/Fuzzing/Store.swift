import Formats
import Glibc
import Host

@testable import BuildCache

/// The files of an export as pre-flight checks read them: index, manifest and config, separated by NUL. CONFIG in the
/// manifest and MANIFEST in the index stand for the digests of the files made from the input, so that more than one
/// step is reached.
enum Store {
    private static let generation: Generation = {
        // In memory, because each input makes four files.
        let folder = ByteString("/dev/shm/slipway-fuzz-") + ByteString(decimal: getpid())
        let generation = Generation(path: folder, owner: Kernel.userID)
        for path in [generation.poolPath, folder.appending(path: "export")] {
            try? Files.makeDirectories(path, mode: 0o755)
        }
        write("layer", to: generation.poolPath.appending(path: SHA256.hexDigest(of: "layer")))
        atexit { try? Files.removeTree(Store.generation.path) }
        return generation
    }()

    private static func write(_ text: ByteString, to path: ByteString) {
        guard (try? Files.replace(path, with: text, mode: 0o644)) != nil else {
            return require(false, "cannot write \(path)")
        }
    }

    private static func replacing(_ mark: ByteString, in text: ByteString, with other: ByteString) -> ByteString {
        guard let range = text.range(of: mark) else { return text }
        return text.prefix(range.lowerBound) + other + text.dropFirst(range.upperBound)
    }

    /// Puts a text into the pool and returns its digest and size, as in descriptors.
    private static func blob(_ text: ByteString) -> (file: ByteString, fields: ByteString) {
        let digest = SHA256.hexDigest(of: text)
        let file = generation.poolPath.appending(path: digest)
        write(text, to: file)
        return (file, "\"digest\":\"sha256:" + digest + "\",\"size\":" + ByteString(decimal: text.count))
    }

    static func check(_ input: ByteString) {
        let parts = input.bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map {
            ByteString($0)
        }
        guard parts.count == 3 else { return }
        let config = blob(parts[2])
        let manifest = blob(
            replacing("LAYER", in: replacing("CONFIG", in: parts[1], with: config.fields), with: blob("layer").fields))
        let export = generation.path.appending(path: "export")
        write(
            replacing("MANIFEST", in: parts[0], with: manifest.fields), to: export.appending(path: "index.json"))
        var preflight = Preflight()
        if let named = try? preflight.manifest(ofExport: export, in: generation),
            let blobs = try? preflight.check(named, in: generation)
        {
            require(blobs.count >= 2, "a manifest without a config passes")
            for blob in blobs {
                guard let status = try? Files.status(generation.blobPath(blob.digest)) else {
                    return require(false, "a blob passes that is not there")
                }
                require(status.size == blob.size, "a blob passes with another size")
            }
        }
        for file in Set([config.file, manifest.file]) where file.lastPathComponent != SHA256.hexDigest(of: "layer") {
            try? Files.remove(file)
        }
    }
}
