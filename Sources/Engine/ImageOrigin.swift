public import Formats
internal import Host
internal import Notes

extension ContainerEngine {
    /// Whether an image may be on this engine only: it is there, and nothing shows that it came from a registry. Throws if the engine
    /// does not say until then (monotonic nanoseconds).
    ///
    /// A classic store notes the digest by which an image was pulled or pushed, which differs from the image's own. In containerd's both
    /// are the same for an image that was built here as well; but a build has every part of its index, and a pulled one often lacks
    /// those for other platforms.
    public func mayAloneHave(_ image: ByteString, until deadline: Int64) throws(EngineError) -> Bool {
        guard Self.isPlain(image) else { throw EngineError(.engineAnswerUnreadable, image) }
        let left = deadline &- Clock.monotonic
        guard left > 0 else { throw EngineError(.engineSilent, "timed out") }
        let answer = try EngineConnection.send(
            "GET", "/images/" + image + "/json?manifests=1", to: endpoint, hostTable: hostTable, within: left)
        if answer.status == 404 { return false }
        guard answer.status == 200, let json = JSON(ByteString(answer.body)), let id = json.stringField("Id"),
            !id.isEmpty
        else {
            throw EngineError(.engineAnswerUnreadable)
        }
        let digests = (json[field: "RepoDigests"]?.array ?? []).compactMap { $0.string?.cutLast(at: "@")?.after }
        if digests.contains(where: { $0 != id }) { return false }
        let manifests = json[field: "Manifests"]?.array ?? []
        return !manifests.contains { $0[field: "Available"]?.bool == false }
    }

    /// A reference in which no byte has a meaning in an address.
    private static func isPlain(_ image: ByteString) -> Bool {
        image.range(of: "..") == nil && !image.isEmpty && image.count <= 512
            && image.bytes.allSatisfy { byte in
                byte.isLetter || byte.isDigit || ByteString("._-/:@").bytes.contains(byte)
            }
    }
}
