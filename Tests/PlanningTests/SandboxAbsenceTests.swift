import DockerCommandLine
import Formats
import Notes
import Planning
import Testing

@Suite("The user is told about a missing sandbox")
struct SandboxAbsenceTests {
    private static var asking: Settings {
        var settings = Settings()
        settings.profile = .sandbox
        return settings
    }

    @Test(
        "Commands that cannot be parsed: those that seem to make a container",
        arguments: [
            ("docker --unknown run x", true), ("docker run --unknown x", true),
            ("docker container run --unknown x", true),
            ("docker -H x create --unknown y", true), ("docker volume create --unknown x", false),
            ("docker build --unknown run", false), ("docker compose run x", false), ("docker buildx create --x", false),
            ("docker container ls --unknown", false), ("docker --unknown", false), ("run", false),
        ] as [(ByteString, Bool)])
    func notUnderstood(_ line: ByteString, _ isReported: Bool) {
        let notes = [Note(.commandNotUnderstood, "argument 1: unknown option")]
        let lack = SandboxPolicy.lack(of: line.split(" "), Self.asking, notes)
        #expect(lack?.reason == (isReported ? .sandboxIncomplete : nil))
        #expect(SandboxPolicy.lack(of: line.split(" "), Settings(), notes) == nil)
    }

    @Test(
        "Why a container does not get it",
        arguments: [
            (.commandTooLong, true), (.filesLimited, true), (.sandboxPrivileged, true), (.dockerIsPodman, true),
            (.engineNotLinux, true), (.sandboxEngineNotAsked, true), (.sandboxLimitImpossible, true),
            (.sandboxOptionTaken, false), (.sandboxApplied, false), (.noPackages, false),
        ] as [(Reason, Bool)])
    func understood(_ reason: Reason, _ isReported: Bool) throws {
        let arguments: [ByteString] = ["docker", "run", "image"]
        guard case .container(let container) = Invocation.parse(arguments) else { throw Errors.noContainer }
        let lack = SandboxPolicy.lack(of: container, Self.asking, [Note(reason, "this")])
        #expect(lack == (isReported ? Note(.sandboxIncomplete, Note(reason, "this").message) : nil))
        #expect(SandboxPolicy.lack(of: container, Settings(), [Note(reason)]) == nil)
    }

    enum Errors: Error { case noContainer }

    @Test("A setting with an invalid value is identified by its key")
    func keys() {
        var settings = Settings()
        let problems =
            settings.apply(lines: "profile = sandbx\nnonsense\n", from: "f")
            + settings.apply(environment: ["SLIPWAY_PROFILE=x", "SLIPWAY_NONESUCH=y"])
        #expect(problems.map(\.key) == ["profile", nil, "profile", nil])
    }
}
