import Formats
import History
import Testing

@Suite("The outcome of a build")
struct BuildOutcomeTests {
    static let log: ByteString = """
        WARNING: something of docker's
        {"vertexes":[{"digest":"sha256:aa11","name":"[2/3] COPY src /src"},{"digest":"sha256:bb22","name":"[internal] load build context"}]}
        {"vertexes":[{"digest":"sha256:ff00","name":"[1/3] FROM docker.io/library/debian:12@sha256:cafe","started":"2026-01-02T03:04:05Z","completed":"2026-01-02T03:04:05.5Z","cached":true}]}
        {"vertexes":[{"digest":"sha256:aa11","name":"[2/3] COPY src /src","started":"2026-01-02T03:04:06.25Z","completed":"2026-01-02T03:04:06.75Z","cached":true}]}
        {"vertexes":[{"digest":"sha256:cc33dd44ee55ff66","name":"[3/3] RUN make secret","started":"2026-02-28T23:59:59.5Z"}]}
        {"vertexes":[{"digest":"sha256:cc33dd44ee55ff66","name":"[3/3] RUN make secret","started":"2026-02-28T23:59:59.5Z","completed":"2026-03-01T00:00:01.75Z"}]}
        {"vertexes":[{"digest":"sha256:dd","name":"exporting cache to client directory","started":"2026-03-01T00:00:02Z","completed":"2026-03-01T00:00:03Z"}]}
        {"torn":
        """

    @Test("Steps, bases and the export are found")
    func log() throws {
        let outcome = try #require(BuildOutcome(log: Self.log))
        #expect(outcome.steps.map(\.instruction) == ["COPY src /src", "RUN make secret"])
        #expect(outcome.steps.map(\.isCached) == [true, false])
        #expect(outcome.steps.map(\.duration) == [500_000_000, 2_250_000_000])
        #expect(outcome.steps.map(\.digest) == ["411", "7aa"])
        #expect(outcome.bases == [.init(stage: "", name: "docker.io/library/debian:12", digest: "sha256:cafe")])
        #expect(outcome.export == 1_000_000_000)
        #expect(outcome.firstMiss?.number == 3)
    }

    @Test("Stored without the text of instructions, and read back")
    func kept() throws {
        let outcome = try #require(BuildOutcome(log: Self.log))
        #expect(outcome.json.text.range(of: "secret") == nil)
        let back = try #require(JSON(outcome.json.text).flatMap { BuildOutcome($0) })
        #expect(back.steps.map(\.instruction) == ["COPY", "RUN"])
        #expect(back.steps.map(\.duration) == outcome.steps.map(\.duration))
        #expect((back.bases, back.export) == (outcome.bases, outcome.export))
    }

    @Test(
        "Without steps there is no outcome",
        arguments: ["", "ERROR: unknown command", "{\"vertexes\":[]}", "{\"vertexes\":[{\"name\":7}]}"])
    func nothing(text: String) {
        #expect(BuildOutcome(log: ByteString(text)) == nil)
    }

    @Test("A finished build has no steps if the Dockerfile has none")
    func withoutSteps() throws {
        let begun: ByteString = #"{"vertexes":[{"digest":"sha256:1","name":"[1/1] FROM docker.io/library/debian:12"}]}"#
        #expect(BuildOutcome(log: begun) == nil)
        let end: ByteString = #"{"vertexes":[{"digest":"sha256:2","name":"exporting to image"}]}"#
        #expect(BuildOutcome(log: end) == nil, "another frontend's")
        #expect(try #require(BuildOutcome(log: begun + "\n" + end)).steps.isEmpty)
    }

    @Test("Each step has its own stage and platform")
    func stages() throws {
        let log: ByteString = """
            {"vertexes":[{"digest":"sha256:1","name":"[linux/amd64 build 2/3] RUN a","started":"2026-01-02T03:04:05Z","cached":true}]}
            {"vertexes":[{"digest":"sha256:2","name":"[stage-1 3/3] COPY --from=build /a /a","started":"2026-01-02T03:04:06Z"}]}
            """
        let outcome = try #require(BuildOutcome(log: log))
        #expect(outcome.steps.map(\.stage) == ["linux/amd64 build", "stage-1"])
        #expect(outcome.steps.map(\.number) == [2, 3])
    }
}
