internal import Formats
internal import Notes

/// What an engine can limit, as `GET /info` tells it.
public struct EngineLimits: Equatable, Sendable {
    /// How many processors it has.
    public let processors: UInt64
    /// Whether it limits memory, and memory together with swap.
    public let memory: Bool, swap: Bool
    /// Whether it limits processes.
    public let pids: Bool
    /// Whether it limits processors by quotas.
    public let quota: Bool

    /// From the body of an answer; nil when it is not what an engine says. A member that it leaves out is not limited.
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
    /// Asks the engine what it can limit. Throws `engineNotLinux` where containers are not Linux, and what keeps the answer away.
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
