import DockerCommandLine
import Formats
import Testing

@Suite("Command lines")
struct InvocationTests {
    @Test("The corpus was read")
    func corpusIsThere() {
        #expect(Corpus.entries.count > 500)
    }

    @Test("means", arguments: Corpus.entries)
    func meaning(_ entry: Corpus.Entry) {
        #expect(Corpus.meaning(of: .parse(Corpus.words(of: entry.line))) == entry.meaning)
    }

    @Test("No arguments at all, not even a program's name")
    func nothing() {
        #expect(Invocation.parse([]) == .other(nil))
    }

    @Test("Ten thousand arguments")
    func manyArguments() throws {
        let many = (0..<5_000).flatMap { ["--build-arg", "A" + ByteString(decimal: $0) + "=1"] as [ByteString] }
        guard case .build(let build) = Invocation.parse(["docker", "build"] + many + ["."]) else {
            Issue.record("not a build")
            return
        }
        #expect(build.buildArguments.count == 5_000)
        #expect(build.buildArguments.last == "A4999=1")
        #expect(build.context == ".")
        guard case .container(let run) = Invocation.parse(["docker", "run", "img"] + many) else {
            Issue.record("no container")
            return
        }
        #expect(run.scan.positionals.count == many.count + 1)
        let positionals = [ByteString](repeating: "x", count: 10_000)
        guard case .build(let refused) = Invocation.parse(["docker", "build"] + positionals) else {
            Issue.record("not a build")
            return
        }
        #expect(refused.positionals == positionals)
        #expect(refused.context == nil)
    }

    @Test("One argument of a hundred thousand letters")
    func longCluster() {
        let cluster = "-" + ByteString(repeatElement(UInt8(ascii: "q"), count: 100_000))
        guard case .build(let build) = Invocation.parse(["docker", "build", cluster, "."]) else {
            Issue.record("not a build")
            return
        }
        #expect(build.scan.occurrences.count == 100_000)
    }

    @Test("The context is the only positional, or none")
    func context() {
        func context(_ line: ByteString) -> ByteString? {
            guard case .build(let build) = Invocation.parse(Corpus.words(of: line)) else { return nil }
            return build.context
        }
        #expect(context("docker build .") == ".")
        #expect(context("docker build ''") == "")
        #expect(context("docker build -t x . -q") == ".")
        #expect(context("docker build -- --") == "--")
        #expect(context("docker build") == nil)
        #expect(context("docker build . .") == nil)
    }

    @Test("A message names the argument by its number, never by its text")
    func messages() {
        #expect(GrammarError.unknownFlag(3).message == "argument 3: unknown option")
        #expect(GrammarError.missingValue(12).message == "argument 12: option without its value")
    }
}

@Suite("Files of variables")
struct EnvironmentFileTests {
    @Test("Names with and without values, comments and a mark at the beginning")
    func names() {
        let text: ByteString = "\u{FEFF}A=1\n  B = 2\n# C=3\n\nD\r\n=E\nF=a=b"
        #expect(EnvironmentFile.names(in: text) == ["A", "B ", "D", "", "F"])
        #expect(EnvironmentFile.names(in: "").isEmpty)
    }
}
