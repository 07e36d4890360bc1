import Formats
import Loading
import Notes
import Testing

@Suite("The plan of a build that loads what changed")
struct LoadPlanTests {
    private func plan(_ line: ByteString) -> LoadPlan { LoadPlan(line.split(" ")) }

    /// Why docker itself builds; nil if the image is compared.
    private func cause(_ line: ByteString) -> ByteString? {
        guard case .docker(let note) = plan(line) else { return nil }
        return note.detail.isEmpty ? note.reason.code : note.detail
    }

    private func compared(_ line: ByteString) throws -> ComparedBuild {
        guard case .compare(let build) = plan(line) else { throw Mismatch() }
        return build
    }
    private struct Mismatch: Error {}

    @Test(
        "Docker itself builds what cannot be compared",
        arguments: [
            ("docker build -o out .", "--output"), ("docker build --output=type=image .", "--output"),
            ("docker build --push -t a .", "--push"), ("docker build --load=false .", "--load=false"),
            ("docker build --platform linux/amd64,linux/arm64 .", "several platforms"),
            ("docker build --platform linux/amd64 --platform linux/arm64 .", "several platforms"),
            ("docker build --no-cache .", "--no-cache"), ("docker build --no-cache-filter a .", "--no-cache-filter"),
            ("docker build --provenance=true .", "--provenance"),
            ("docker build --provenance mode=max .", "--provenance"),
            ("docker build --sbom=true .", "--sbom"), ("docker build --attest type=sbom .", "--attest"),
            ("docker build --cache-to type=inline .", "--cache-to"),
            ("docker build --build-arg BUILDKIT_INLINE_CACHE=1 .", "BUILDKIT_INLINE_CACHE"),
            ("docker build -", "an input that can be read only once"),
            ("docker build -f - .", "an input that can be read only once"),
            ("docker build -f /dev/fd/63 .", "an input that can be read only once"),
            ("docker build --secret id=a,src=/dev/fd/63 .", "an input that can be read only once"),
            ("docker build --iidfile /dev/stdout .", "an input that can be read only once"),
            ("docker build -t A .", "the tag A"), ("docker build -t a@sha256:0 .", "the tag a@sha256:0"),
            ("docker build -t a: .", "the tag a:"), ("docker build", "no context"), ("docker build . .", "no context"),
            ("docker build --help", "SLP103"), ("docker build --check .", "SLP103"),
            ("docker build --call=outline .", "SLP103"),
            ("docker buildx bake", "no build"), ("docker ps", "no build"), ("docker", "no build"),
        ] as [(ByteString, ByteString)])
    func leftToDocker(_ line: ByteString, _ expected: ByteString) {
        #expect(cause(line) == expected)
    }

    @Test("What docker does not understand is docker's")
    func notUnderstood() {
        guard case .docker(let note) = plan("docker build --unheard-of .") else { return #expect(Bool(false)) }
        #expect(note.reason == .commandNotUnderstood)
    }

    @Test(
        "Everything else is compared",
        arguments: [
            "docker build .", "docker build -t a -t b:1 -t host:5000/c/d:e .", "docker --context x buildx build -t a .",
            "docker image build --load .", "docker buildx --builder team b .", "docker build --push=false .",
            "docker build --provenance=false --sbom=false .", "docker build --no-cache=false -q .", "docker build -- .",
            "docker build --platform linux/arm64 .", "docker build --secret id=a,src=/home/dev/token .",
            "docker build https://example.com/a.git",
        ] as [ByteString])
    func compares(_ line: ByteString) {
        #expect(cause(line) == nil)
    }

    @Test("The build's own words are passed on, and its image stays in the builder")
    func building() throws {
        let build = try compared(
            "docker -H unix:///e.sock image build --load -qt a --metadata-file m -t b --label x=y --iidfile i dir")
        #expect(build.globals == ["-H", "unix:///e.sock"])
        #expect(
            build.building(metadata: "/p/m", .oci) == [
                "image", "build", "--quiet=true", "--tag=a", "--tag=b", "--label=x=y", "--iidfile=i",
                "--output=type=image,store=false,oci-mediatypes=true", "--provenance=false", "--metadata-file=/p/m",
                "--",
                "dir",
            ])
        #expect(build.tags == ["a", "b"] && build.isQuiet && build.identifierFile == "i" && build.metadataFile == "m")
    }

    @Test("What is pushed has the steps of the build, and no name of the user's")
    func pushing() throws {
        let build = try compared(
            "docker buildx --builder team build -qt a --metadata-file m --label x=y --iidfile i --progress=tty --platform p dir"
        )
        #expect(
            build.pushing(to: "host:5/c", metadata: "/p/m", .docker) == [
                "buildx", "--builder", "team", "build", "--label=x=y", "--platform=p",
                "--output=type=image,store=false,oci-mediatypes=false,name=host:5/c,push=true,push-by-digest=true",
                "--provenance=false", "--metadata-file=/p/m", "--progress=plain", "--", "dir",
            ])
        #expect(build.platform == "p")
    }

    @Test("An image is loaded whole by the words that were typed")
    func whole() throws {
        let build = try compared("docker --debug build -qt a --iidfile i dir")
        #expect(
            build.whole == [
                "docker", "--debug", "build", "--load", "--provenance=false", "-qt", "a", "--iidfile", "i", "dir",
            ])
        #expect(!(try compared("docker build --quiet=false .")).isQuiet)
        #expect((try compared("docker build --iidfile= .")).identifierFile == nil)
    }

    @Test(
        "Names are those that docker reads",
        arguments: [
            ("a", "docker.io/library/a:latest", "a:latest"), ("a:1", "docker.io/library/a:1", "a:1"),
            ("a/b", "docker.io/a/b:latest", "a/b:latest"), ("library/a", "docker.io/library/a:latest", "a:latest"),
            ("docker.io/a", "docker.io/library/a:latest", "a:latest"),
            ("index.docker.io/library/a:x", "docker.io/library/a:x", "a:x"),
            ("localhost/a", "localhost/a:latest", "localhost/a:latest"),
            ("h:5000/a:V1.2_3", "h:5000/a:V1.2_3", "h:5000/a:V1.2_3"),
            ("h.x/a/b-c", "h.x/a/b-c:latest", "h.x/a/b-c:latest"),
        ] as [(ByteString, ByteString, ByteString)])
    func names(_ text: ByteString, _ canonical: ByteString, _ familiar: ByteString) throws {
        let name = try #require(ImageName(text))
        #expect(name.canonical == canonical && name.familiar == familiar)
    }

    @Test(
        "Other names are not read",
        arguments: ["", ":", "a:", ":1", "A", "a/", "/a", "a//b", "a b", "a@sha256:1", "a:1:2", "a,b", "ä"]
            as [ByteString])
    func noNames(_ text: ByteString) {
        #expect(ImageName(text) == nil)
    }
}
