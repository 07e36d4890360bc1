internal import Engine
internal import Formats

extension EngineClient {
    /// Removes something. A container that another process is already removing keeps its volumes until it is gone: this
    /// waits for that, with the real docker for three seconds.
    func remove(_ words: [ByteString], _ patience: DockerCall.Patience) throws(DockerClientError) -> DockerAnswer {
        for _ in 0..<10 {
            let answer = try call(DockerCall(words, patience))
            guard answer.isRemovalInProgress else { return answer }
            pause()
        }
        return try call(DockerCall(words, patience))
    }
}
