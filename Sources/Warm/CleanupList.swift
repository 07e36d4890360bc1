internal import Engine
internal import Formats

/// What a run has made and must clean up.
struct CleanupList {
    private let docker: any EngineClient
    private(set) var containers: [ByteString] = []
    private(set) var volumes: [ByteString] = []

    init(_ docker: any EngineClient) { self.docker = docker }

    /// Recorded before it is made: even an interrupted docker may have made it.
    mutating func willMake(container: ByteString) { containers.append(container) }
    mutating func willMake(volume: ByteString) { volumes.append(volume) }

    /// Keeps a volume.
    mutating func retain(volume: ByteString) { volumes.removeAll { $0 == volume } }

    /// Removes everything, containers first; returns what could not be removed.
    mutating func remove() -> [ByteString] {
        var left: [ByteString] = []
        for name in containers where !remove(["rm", "--force", "--volumes", name], name) { left.append(name) }
        for name in volumes where !remove(["volume", "rm", name], name) { left.append(name) }
        (containers, volumes) = ([], [])
        return left
    }

    private func remove(_ words: [ByteString], _ name: ByteString) -> Bool {
        for _ in 0..<3 {
            guard let answer = try? docker.remove(words, .tidying) else { return false }
            let said = answer.error.lowercasedASCII
            let isGone = said.range(of: "no such") != nil || said.range(of: "not found") != nil
            if answer.isGood || isGone { return true }
            if answer.isRemovalInProgress || said.range(of: "cannot connect") != nil { return false }
            docker.pause()
        }
        return false
    }
}
