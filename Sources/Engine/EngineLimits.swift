internal import Formats
internal import Notes

/// The resources that an engine can limit, according to `GET /info`.
public struct EngineLimits: Equatable, Sendable {
    /// The number of its processors.
    public let processors: UInt64
    /// Whether it limits memory, and memory together with swap.
    public let memory: Bool, swap: Bool
    /// Whether it limits the number of processes.
    public let pids: Bool
    /// Whether it limits processors by quotas.
    public let quota: Bool

    /// From the body of an answer; nil if it is not an engine's answer. A missing member means that the resource
    /// cannot be limited.
    ///
    /// Source: moby api/types/system/info.go, Info.
    init?(_ json: JSON) {
        guard let count = json[field: "NCPU"]?.integer, let processors = UInt64(exactly: count) else { return nil }
        func says(_ name: ByteString) -> Bool { json[field: name]?.bool == true }
        self.processors = processors
        memory = says("MemoryLimit")
        swap = says("SwapLimit")
        pids = says("PidsLimit")
        quota = says("CpuCfsQuota") && says("CpuCfsPeriod")
    }
}

extension ContainerEngine {
    /// Asks the engine what it can limit. Throws `engineNotLinux` if its containers are not Linux containers, and the
    /// error if there is no answer.
    public func limits() throws(EngineError) -> EngineLimits {
        let answer = try EngineConnection.get("/info", from: endpoint, hostTable: hostTable)
        guard let json = JSON(ByteString(answer.body)), let system = json[field: "OSType"]?.string else {
            throw EngineError(.engineAnswerUnreadable)
        }
        guard system == "linux" else { throw EngineError(.engineNotLinux, system) }
        guard let limits = EngineLimits(json) else { throw EngineError(.engineAnswerUnreadable) }
        return limits
    }
}
