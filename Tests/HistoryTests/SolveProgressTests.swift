import Formats
import History
import Testing

@Suite("A step that is executed")
struct SolveProgressTests {
    private func executed(_ vertices: ByteString...) -> ByteString? {
        var progress = SolveProgress()
        for vertex in vertices { progress.add("{\"vertexes\":[" + vertex + "]}") }
        return progress.executed
    }

    private func vertex(
        _ name: ByteString, digest: ByteString? = nil, started: Bool = true, cached: Bool? = nil
    ) -> ByteString {
        // BuildKit's digest of a step is not that of its name, but differs as that does.
        var text = "{\"digest\":\"" + (digest ?? SHA256.hexDigest(of: name)) + "\",\"name\":\"" + name + "\""
        if started { text += ",\"started\":\"2026-01-02T03:04:05Z\"" }
        if let cached { text += cached ? ",\"cached\":true" : ",\"cached\":false" }
        return text + "}"
    }

    @Test("is reported by its name when it begins without being cached")
    func steps() {
        #expect(executed(vertex("[stage-1 4/4] RUN make secret")) == "RUN")
        #expect(executed(vertex("[2/3] COPY a /a", cached: false)) == "COPY")
        #expect(executed(vertex("[2/3] COPY a /a", cached: true), vertex("[3/3] RUN x")) == "RUN")
        #expect(executed(vertex("[2/3] COPY a /a", started: false)) == nil)
        #expect(executed(vertex("[3/3] RUN make", cached: true)) == nil)
    }

    @Test(
        "is not one of those that every build has",
        arguments: [
            "[internal] load build definition from Dockerfile", "[internal] load build context",
            "[internal] load metadata for docker.io/library/debian:12",
            "[b 1/4] FROM docker.io/library/debian:12@sha256:c1",
            "importing cache manifest from local:1", "exporting cache to client directory",
            "preparing build cache for export",
            "docker-image://docker.io/docker/dockerfile:1@sha256:1", "https://example.org/x.tar",
            "resolve image config for docker-image://x",
        ])
    func nothing(name: String) { #expect(executed(vertex(ByteString(name))) == nil) }

    @Test("is none that was cached and whose layer is fetched afterwards")
    func fetched() {
        let step: ByteString = "[3/3] RUN x"
        #expect(executed(vertex(step, cached: true), vertex(step)) == nil)
        #expect(executed(vertex(step, cached: true) + "," + vertex(step) + "," + vertex("[2/2] RUN y")) == "RUN")
        #expect(executed(vertex(step, digest: "sha256:1", cached: true), vertex(step, digest: "sha256:2")) == "RUN")
        #expect(executed(vertex(step), vertex(step, cached: true)) == "RUN")
    }

    @Test("of another frontend is any that is not known to execute nothing")
    func others() {
        #expect(executed(vertex("compile everything")) == "compile")
        #expect(executed(vertex("")) == "")
    }

    @Test("is not found in a line that is not JSON")
    func noise() {
        var progress = SolveProgress()
        for line in ["", "WARNING: x", "{", "{}", "{\"vertexes\":7}", "{\"vertexes\":[7,{\"name\":8}]}"] as [ByteString]
        {
            progress.add(line)
        }
        #expect(progress.executed == nil)
    }

    @Test("is not the only one whose beginning or end is told")
    func changes() {
        var progress = SolveProgress()
        let lines: [ByteString] = [
            "{\"vertexes\":[" + vertex("[2/3] COPY a /a", started: false) + "]}",
            "{\"vertexes\":[" + vertex("[2/3] COPY a /a", cached: true) + "]}",
            "{\"vertexes\":[" + vertex("[3/3] RUN x") + "]}",
            "{\"vertexes\":[" + vertex("exporting cache to client directory") + "]}",
            "{\"statuses\":[{\"id\":\"writing layer\",\"started\":\"2026-01-02T03:04:05Z\"}]}",
            "WARNING: x",
        ]
        let changes = lines.map { progress.add($0) }
        #expect(changes == [false, true, true, true, false, false])
        #expect(progress.executed == "RUN")
    }
}
