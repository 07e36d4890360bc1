import Formats
import Testing

@testable import DockerCommandLine

@Suite("A repeated build")
struct BuildRepetitionTests {
    private func build(_ line: ByteString) throws -> (BuildInvocation, [ByteString]) {
        let words = Corpus.words(of: line)
        guard case .build(let build) = Invocation.parse(words) else { throw NotABuild(line: line) }
        return (build, words)
    }

    private struct NotABuild: Error { let line: ByteString }

    @Test(
        "has the options that determine its steps, and none that concern its result",
        arguments: [
            ("docker build .", "docker build X -- ."),
            ("docker -c ctx build -t a:1 -t b --target=t .", "docker -c ctx build X --target=t -- ."),
            (
                "docker buildx b . --load -q --build-arg A=1 --build-arg B",
                "docker buildx b X --build-arg=A=1 --build-arg=B -- ."
            ),
            ("docker image build -f d -- -dir", "docker image build X --file=d -- -dir"),
            (
                "docker builder build --push -otype=oci,dest=x --iidfile i --metadata-file m --label l --progress plain ..",
                "docker builder build X -- .."
            ),
            (
                "docker build --add-host a:1 --network=none --platform linux/arm64 --cache-from x --builder b --provenance=false .",
                "docker build X --add-host=a:1 --network=none --platform=linux/arm64 --cache-from=x --builder=b -- ."
            ),
            ("docker build --build-arg= --target= .", "docker build X --build-arg= --target= -- ."),
        ] as [(ByteString, ByteString)])
    func words(_ line: ByteString, _ expected: ByteString) throws {
        let (build, words) = try build(line)
        #expect(build.obstacleToRepetition == nil)
        #expect(build.repetition(words, options: ["X"]).joined(separator: " ") == expected)
    }

    @Test(
        "is impossible with input that can be used only once, with options that request a new build, and with unknown options",
        arguments: [
            ("docker build --secret id=x .", "--secret"), ("docker build --ssh default .", "--ssh"),
            ("docker build -t a --no-cache .", "--no-cache"), ("docker build --pull=false --no-cache .", "--pull"),
            ("docker build --cache-to x .", "--cache-to"), ("docker build --build-context a=b .", "--build-context"),
            ("docker build -", "standard input"), ("docker build -f - .", "standard input"),
        ] as [(ByteString, ByteString)])
    func obstacles(_ line: ByteString, _ obstacle: ByteString) throws {
        #expect(try build(line).0.obstacleToRepetition == obstacle)
    }

    @Test("Every option of a build is either repeated or not")
    func complete() {
        let refused: Set<String> = [
            "build-context", "cache-to", "call", "check", "detach", "help", "no-cache", "no-cache-filter", "policy",
            "print",
            "pull", "root", "secret", "server-config", "squash", "ssh",
        ]
        let all = Set(OptionTable.buildxBuild.rows.map { $0.name.description })
        #expect(all.subtracting(BuildInvocation.repeatedOptions) == refused)
        #expect(BuildInvocation.repeatedOptions.isSubset(of: all))
    }
}
