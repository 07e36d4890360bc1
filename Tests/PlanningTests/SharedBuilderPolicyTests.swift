import DockerCommandLine
import Formats
import Notes
import Testing

@testable import Planning

@Suite("Which builds a shared builder treats as the engine would")
struct SharedBuilderPolicyTests {
    private struct NoBuild: Error {}

    private static let builds: [(words: ByteString, obstacle: ByteString?)] = [
        ("", nil), ("-t app --pull --no-cache", nil), ("--load", nil), ("--secret id=a --ssh default", nil),
        ("--build-arg A=b --label x=y --target t --shm-size 1g --ulimit nofile=1", nil), ("-o out", "--output"),
        ("--output=type=docker", "--output"), ("--push", "--push"), ("--push=false", nil),
        ("--network host", "--network"), ("--network=none", nil), ("--add-host a:host-gateway", "--add-host"),
        ("--add-host=a=host-gateway", "--add-host"), ("--add-host a:10.0.0.1", nil),
        ("--allow network.host", "--allow"),
        ("--cgroup-parent x", "--cgroup-parent"), ("--annotation a=b", "--annotation"),
        ("--attest type=sbom", "--attest"),
        ("--sbom=true", "--sbom"), ("--provenance mode=max", "--provenance"), ("--provenance=false", nil),
        ("--security-opt x", "--security-opt"), ("--cache-from type=registry,ref=a", "--cache-from"),
        ("--cache-to type=inline", "--cache-to"), ("--build-arg BUILDKIT_SYNTAX=me/mine", "--build-arg"),
        ("--platform linux/amd64", nil), ("--platform linux/amd64,linux/arm64", "several platforms"),
        ("--platform linux/amd64 --platform linux/arm64", "several platforms"),
    ]

    @Test("Options of a build", arguments: builds)
    func build(_ words: ByteString, _ obstacle: ByteString?) throws {
        let more = words.split(" ").filter { !$0.isEmpty }
        for words in [["docker", "build"] + more + ["."], ["docker", "buildx", "build", "."] + more] as [[ByteString]] {
            guard case .build(let build) = Invocation.parse(words) else { throw NoBuild() }
            #expect(SharedBuilderPolicy.obstacle(to: build) == obstacle.map { Note(.sharedBuilderUnsuited, $0) })
        }
    }

    private static let targets: [(fields: ByteString, obstacle: ByteString?)] = [
        ("", nil), (#""tags":["a"],"secret":[{"id":"a"}],"labels":{"a":"b"},"network":"none""#, nil),
        (#""output":["type=docker"]"#, nil), (#""output":[{"type":"docker"}]"#, nil), (#""output":[]"#, nil),
        (#""output":["type=docker,dest=a.tar"]"#, "output"), (#""output":[{"type":"registry"}]"#, "output"),
        (#""output":[{"type":"docker","dest":"a"}]"#, "output"),
        (#""output":[7]"#, "output"), (#""output":[["type=docker"]]"#, "output"),
        (#""output":["type=docker","type=local,dest=a"]"#, "output"),
        (#""network":"host""#, "network"), (#""extra-hosts":{"a":"host-gateway"}"#, "extra-hosts"),
        (#""extra-hosts":{"a":"10.0.0.1"}"#, nil), (#""entitlements":["network.host"]"#, "entitlements"),
        (#""annotations":["a=b"]"#, "annotations"), (#""attest":["type=sbom"]"#, "attest"),
        (#""annotations":{"a":"b"}"#, "annotations"), (#""annotations":{}"#, nil),
        (#""attest":["type=provenance,disabled=true"]"#, nil), (#""attest":[{"type":"sbom","disabled":"true"}]"#, nil),
        (#""cache-from":["type=registry,ref=a"]"#, "cache-from"), (#""cache-to":[{"type":"inline"}]"#, "cache-to"),
        (#""platforms":["linux/amd64"]"#, nil), (#""platforms":["linux/amd64","linux/arm64"]"#, "several platforms"),
        (#""args":{"BUILDKIT_SYNTAX":"a/b"}"#, "its own frontend"), (#""call":"check""#, "call"),
    ]

    @Test("Fields of a target", arguments: targets)
    func target(_ fields: ByteString, _ obstacle: ByteString?) throws {
        let text = #"{"target":{"web":{"# + fields + "}}}"
        let target = try #require(BakeDefinition(text)?.targets.first)
        #expect(
            SharedBuilderPolicy.obstacle(to: target) == obstacle.map { Note(.sharedBuilderUnsuited, "web, " + $0) })
    }

    @Test("The builder stands before the user's options, and nothing else changes")
    func plan() {
        let words: [ByteString] = ["docker", "buildx", "build", "-t", "app", "."]
        let plan = SharedBuilderPolicy.plan(words, on: "team-0", after: 2)
        #expect(plan.arguments == ["docker", "buildx", "build", "--builder=team-0", "-t", "app", "."])
        #expect(plan.notes == [Note(.sharedBuilderChosen, "team-0")])
    }
}
