import DockerCommandLine
import Engine
import Formats
import Host
import Notes
import Synchronization
import Testing

@testable import Loading

private func digest(_ letter: Character) -> ByteString {
    "sha256:" + ByteString(repeatElement(letter.asciiValue ?? 0, count: 64))
}

extension ByteString {
    fileprivate func replacing(_ old: ByteString, with new: ByteString) -> ByteString {
        ByteString(lossy.replacing(old.lossy, with: new.lossy))
    }
}

private let configuration = digest("a")
private let manifest = digest("b")
private let metadata =
    "{\"buildx.build.ref\":\"x/y/z\",\"containerimage.config.digest\":\"" + configuration
    + "\",\"containerimage.digest\":\"" + manifest + "\",\"image.name\":\"app,app:2\"}"

/// An engine and its registry in memory: names of images by identifiers, and what was called.
private final class Engine: EngineClient {
    var images: [ByteString: Set<ByteString>] = [:]
    /// The identifier that a pulled image gets; nil if the registry lacks it.
    var pulled: ByteString?
    var isPushed = false
    var failing: ByteString?
    private(set) var calls: [ByteString] = []

    func pause() {}

    func call(
        _ call: DockerCall, line: (Subprocess.Stream, ByteString) -> Void
    ) throws(DockerClientError) -> DockerAnswer {
        let text = call.words.joined(separator: " ")
        calls.append(text)
        if let failing, text.hasPrefix(failing) { return DockerAnswer(error: "refused: not today", exitCode: 1) }
        switch call.words.prefix(2) {
        case ["image", "inspect"]:
            let found = call.words.dropFirst(2).compactMap { name in
                images[name].map {
                    JSON.object(["Id": .string(name), "RepoTags": .array($0.sorted().map(JSON.string))])
                }
            }
            let isWhole = found.count == call.words.count - 2
            return DockerAnswer(
                output: JSON.array(found).text, error: isWhole ? "" : "Error: No such image", exitCode: isWhole ? 0 : 1)
        case ["image", "tag"]: images[call.words[2]]?.insert(call.words[3])
        case ["image", "pull"]:
            guard let pulled else {
                return DockerAnswer(error: "Error response: manifest unknown: manifest unknown", exitCode: 1)
            }
            images[pulled] = images[pulled] ?? []
        case ["push", "it"]:
            isPushed = true
            pulled = manifest
        default: break
        }
        return DockerAnswer()
    }
}

@Suite("Moving an image into an engine")
struct ImageMoveTests {
    private let engine = Engine()
    private let push = DockerCall(["push", "it"], .transfer)

    private func move(_ line: ByteString = "docker build -t app -t app:2 .") throws -> ImageMove<Engine> {
        guard case .compare(let build) = LoadPlan(line.split(" ")) else { throw Mismatch() }
        return ImageMove(engine, build, try #require(BuiltImage(metadata)))
    }
    private struct Mismatch: Error {}

    @Test(
        "A classic store has an image by its configuration, a containerd store by its manifest",
        arguments: [configuration, manifest])
    func present(_ identifier: ByteString) throws {
        engine.images[identifier] = ["app:latest"]
        let image = try #require(try move().present())
        #expect(image.identifier == identifier)
        try move().tag(image)
        #expect(engine.images[identifier] == ["app:latest", "app:2"])
        #expect(engine.calls.filter { $0.hasPrefix("image tag") } == ["image tag " + identifier + " app:2"])
    }

    @Test("Another image under the same name is not the one that was built")
    func other() throws {
        engine.images[digest("c")] = ["app:latest"]
        #expect(try move().present() == nil)
    }

    @Test("The builder pushes what the registry lacks, and the name by digest does not stay")
    func pushed() throws {
        let image = try move().pull(from: "h:5/c", push: push) { BuiltImage(metadata) }
        #expect(image.identifier == manifest && engine.images[manifest] == ["app", "app:2"])
        let reference = "h:5/c@" + manifest
        #expect(
            engine.calls == [
                "image pull " + reference, "push it", "image pull " + reference,
                "image inspect " + configuration + " " + manifest, "image tag " + manifest + " app",
                "image tag " + manifest + " app:2", "image rm " + reference,
            ])
    }

    @Test("What the registry has is not pushed again")
    func notPushed() throws {
        engine.pulled = configuration
        #expect(
            try move("docker build --platform p -t app .").pull(from: "h:5/c", push: push) { nil }.identifier
                == configuration)
        #expect(!engine.isPushed && engine.calls.first == "image pull --platform p h:5/c@" + manifest)
    }

    @Test(
        "A registry that fails, an image that changed, and an engine that refuses a name throw",
        arguments: ["image pull", "push it", "image tag", "another", "elsewhere"] as [ByteString])
    func failures(_ failing: ByteString) throws {
        engine.failing = failing
        if failing == "elsewhere" { engine.pulled = digest("c") }
        let later = failing == "another" ? metadata.replacing(manifest, with: digest("d")) : metadata
        let move = try move()
        #expect(throws: DockerClientError.self) { try move.pull(from: "h:5/c", push: push) { BuiltImage(later) } }
        let isPulled = failing == "image tag" || failing == "elsewhere"
        #expect((engine.calls.last == "image rm h:5/c@" + manifest) == isPulled)
    }

    @Test(
        "Metadata without a single image names none",
        arguments: [
            "", "[]", "{}", "{\"containerimage.digest\":\"" + manifest + "\"}",
            metadata.replacing(configuration, with: "sha256:x"),
            metadata.replacing(manifest, with: manifest.dropFirst(7)),
        ] as [ByteString])
    func noImage(_ text: ByteString) {
        #expect(BuiltImage(text) == nil)
    }

    @Test("The metadata file names the image as buildx does after loading")
    func told() throws {
        let built = try #require(BuiltImage(metadata))
        let classic = try #require(EngineImage(.object(["Id": .string(configuration)])))
        let containerd = try #require(EngineImage(.object(["Id": .string(manifest)])))
        let names = "\"image.name\":\"docker.io/library/app:latest,docker.io/library/app:2\"}\n"
        #expect(
            built.metadata(of: classic, named: ["app", "app:2"])
                == "{\"buildx.build.ref\":\"x/y/z\",\"containerimage.config.digest\":\"" + configuration
                + "\",\"containerimage.digest\":\"" + manifest + "\"," + ByteString(names))
        #expect(
            built.metadata(of: containerd, named: ["app", "app:2"])
                == "{\"buildx.build.ref\":\"x/y/z\",\"containerimage.digest\":\"" + manifest + "\"," + ByteString(names)
        )
    }
}
