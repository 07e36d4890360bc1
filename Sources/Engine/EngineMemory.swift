public import Formats
internal import Host

/// How engines were last asked about themselves. It saves the engines work but decides nothing: each engine is asked
/// every time.
public struct EngineMemory: Sendable {
    /// How an engine was asked.
    enum Way: Equatable {
        /// Its BuildKit answered.
        case worker(BuildKitWorker)
        /// Only `/info` answered; valid until a point in time, and only for this version.
        case information(version: ByteString, until: Int64)
    }

    private let file: MemoryFile

    /// Stores this in a file; with nil, or if that file cannot be used, nothing is known. Without `isWriting` it only
    /// reads the file.
    public init(file: ByteString?, isWriting: Bool = true) {
        self.file = MemoryFile(path: file, isWriting: isWriting, mostLines: 32, longest: 16_384)
    }

    /// The known engines, described: where their build cache is, and how they were asked.
    public var known: [(name: ByteString, detail: ByteString)] {
        file.lines().compactMap(Entry.init(line:)).map { entry in
            switch entry.way {
            case .worker(let worker):
                (
                    worker.identifier,
                    (worker.usesContainerdStore ? "containerd image store" : "classic image store: import only") + ", "
                        + worker.architecture
                )
            case .information(let version, _): (entry.key, "asked by /info, version " + version)
            }
        }
    }

    func recall(_ endpoint: Endpoint) -> Way? {
        let key = Self.key(endpoint)
        return file.lines().lazy.compactMap(Entry.init(line:)).first { $0.key == key }?.way
    }

    /// Replaces what is known about an endpoint; nil forgets it.
    func remember(_ way: Way?, of endpoint: Endpoint) {
        let key = Self.key(endpoint)
        let others = file.lines().compactMap(Entry.init(line:)).filter { $0.key != key }
        file.replace(with: ((way.map { [Entry(key: key, way: $0)] } ?? []) + others).map(\.line))
    }

    /// No address is written.
    private static func key(_ endpoint: Endpoint) -> ByteString {
        let address: ByteString
        switch endpoint {
        case .unix(let path): address = "unix:" + path
        case .tcp(let host, let port): address = "tcp:" + host + ":" + ByteString(decimal: port)
        case .notAsked: address = ""
        }
        return SHA256.hexDigest(of: address).prefix(16)
    }

    /// One line: the key, then a worker's ID, store and architecture, or a version and until when it is valid.
    private struct Entry {
        let key: ByteString
        let way: Way

        init(key: ByteString, way: Way) { (self.key, self.way) = (key, way) }

        init?(line: ByteString) {
            let words = line.split(" ")
            switch (words.count, words.dropFirst().first) {
            case (5, "worker"?):
                guard ["containerd", "classic"].contains(words[3]),
                    let worker = BuildKitWorker(
                        identifier: words[2], usesContainerdStore: words[3] == "containerd", architecture: words[4])
                else { return nil }
                self.init(key: words[0], way: .worker(worker))
            case (4, "info"?):
                guard let until = words[3].decimal else { return nil }
                self.init(key: words[0], way: .information(version: words[2], until: Int64(until)))
            default: return nil
            }
        }

        var line: ByteString {
            switch way {
            case .worker(let worker):
                let store: ByteString = worker.usesContainerdStore ? "containerd" : "classic"
                return [key, "worker", worker.identifier, store, worker.architecture].joined(separator: " ")
            case .information(let version, let until):
                return [key, "info", version, ByteString(decimal: until)].joined(separator: " ")
            }
        }
    }
}
