import ArgumentParser
import DockerCommandLine
import Engine
import Formats
import Host
import Loading
import Notes
import Planning
import Shim

/// A build that loads only what changed: the effects of a `LoadPlan`.
struct LoadingBuild {
    /// Who runs a command that is left as it was typed.
    enum Successor {
        /// The shim beside this program, which may add what it adds to every build.
        case shim
        /// Docker itself: the shim has decided already.
        case docker
    }

    private let words: [ByteString]
    private let successor: Successor
    private let docker: Program
    private let loaded: LoadedSettings

    init(_ words: [ByteString], asTyped successor: Successor) throws {
        guard let docker = RealDocker.find() else {
            Output.complain("no docker found: install one, or name it with SLIPWAY_DOCKER")
            throw ExitCode(127)
        }
        self.words = words
        self.successor = successor
        self.docker = docker
        loaded = .load()
    }

    /// Ends with docker's exit code, or becomes docker.
    func run() throws {
        guard !Shim.isBypassed else { throw become(docker.path, words, Note(.bypassed)) }
        let build: ComparedBuild
        switch LoadPlan(routed) {
        case .docker(let note): throw asTyped(note)
        case .compare(let compared): build = compared
        }
        guard case .build(let invocation) = Invocation.parse(build.words) else { throw asTyped(Note(.loadedByDocker)) }
        let builder: NamedBuilder
        do throws(NamedBuilder.Unknown) {
            builder = try NamedBuilder(of: invocation, docker: docker)
        } catch {
            throw asTyped(error.note)
        }
        // What the engine's own builder makes is in the engine already.
        guard builder.driver != "docker" else { throw asTyped(Note(.loadedByDocker, "the engine's own builder")) }
        switch compare(build) {
        case .ended(0): return
        case .ended(let code): throw ExitCode(code)
        case .notLoaded(let cause):
            DeferredSignals.release()
            throw become(docker.path, build.whole, Note(.loadedWhole, cause))
        }
    }

    /// The words, on the shared builder that the settings choose for this build, if they choose one.
    private var routed: [ByteString] {
        guard successor == .shim, case .build(let build) = Invocation.parse(words), build.builder == nil else {
            return words
        }
        let planned = Decision.explain(words, docker: docker, loaded).arguments
        guard case .build(let build) = Invocation.parse(planned), build.builder != nil else { return words }
        return planned
    }

    // MARK: Comparing

    private enum Comparison {
        /// With this exit code.
        case ended(Int32)
        /// All of the image has to be loaded, and why.
        case notLoaded(ByteString)
    }

    /// Builds and brings the image into the engine.
    private func compare(_ build: ComparedBuild) -> Comparison {
        DeferredSignals.hold()
        let folder: ByteString
        do throws(Errno) {
            folder = try Files.makeTemporaryFolder(prefix: "slipway-build-")
        } catch {
            return .notLoaded("no temporary folder: " + ByteString(error.description))
        }
        defer { try? Files.removeTree(folder) }
        var client = DockerClient(path: docker.path, environment: environment)
        client.globals = build.globals
        let types = build.metadataFile == nil ? .oci : Self.mediaTypes(client)
        let metadata = folder.appending(path: "metadata")
        let output = folder.appending(path: "output")
        let ended: Execution.Attendance
        do throws(Errno) {
            ended = try Execution.attend(
                docker.path, arguments: ["docker"] + build.globals + build.building(metadata: metadata, types),
                environment: .entries(environment), outputFile: build.isQuiet ? output : nil)
        } catch {
            Output.complain("cannot run " + docker.path + ": " + ByteString(error.description))
            return .ended(126)
        }
        guard ended.exitCode == 0, ended.signal == nil else {
            if let said = try? Files.read(output, limit: 1 << 20) { Output.write(exactly: said) }
            return .ended(ended.exitCode == 0 ? 128 + (ended.signal ?? 0) : ended.exitCode)
        }
        guard let built = Self.image(in: metadata) else { return .notLoaded("buildx names no single image") }
        do throws(DockerClientError) {
            let move = ImageMove(client, build, built)
            if let image = try move.present() {
                try move.tag(image)
                trace(Note(.loadNotNeeded, image.identifier))
                return .ended(tell(image, built, of: build))
            }
            // Without another name the image would go together with the one that it is pulled by.
            guard !build.tags.isEmpty else { return .notLoaded("no tag") }
            guard let registry = loaded.settings.builder.registry else { return .notLoaded("no builder.registry") }
            let pause = RegistryPause(registry)
            guard !pause.isOn else { return .notLoaded(registry + " did not answer a short time ago") }
            let pushed = folder.appending(path: "pushed")
            let push = DockerCall(build.pushing(to: registry, metadata: pushed, types), .transfer)
            do throws(DockerClientError) {
                let image = try move.pull(from: registry, push: push) { Self.image(in: pushed) }
                trace(Note(.loadedByLayers, image.identifier))
                return .ended(tell(image, built, of: build))
            } catch {
                if error.code == .registrySilent { pause.begin() }
                throw error
            }
        } catch {
            guard error.code == .interrupted else { return .notLoaded(error.line) }
            // As after a build that failed.
            if let file = build.identifierFile { try? Files.remove(file) }
            return .ended(error.exitCode)
        }
    }

    /// What buildx does once it has loaded an image: prints its identifier, and writes the files that were asked for.
    private func tell(_ image: EngineImage, _ built: BuiltImage, of build: ComparedBuild) -> Int32 {
        if build.isQuiet { Output.write(exactly: image.identifier + "\n") }
        do throws(Errno) {
            if let file = build.identifierFile, image.identifier != built.configuration {
                try Files.replace(file, with: image.identifier, mode: 0o644)
            }
            if let file = build.metadataFile {
                try Files.replace(file, with: built.metadata(of: image, named: build.tags), mode: 0o644)
            }
        } catch {
            Output.complain("cannot write --iidfile or --metadata-file: " + ByteString(error.description))
            return 1
        }
        return 0
    }

    /// Buildx loads other manifests into a classic store, and the user's file names them.
    private static func mediaTypes(_ client: DockerClient) -> ComparedBuild.MediaTypes {
        let answer = try? client.call(DockerCall(["info", "--format", "{{json .DriverStatus}}"], .question))
        return answer?.output.range(of: "io.containerd.snapshotter") == nil ? .docker : .oci
    }

    private static func image(in metadata: ByteString) -> BuiltImage? {
        (try? Files.read(metadata, limit: 1 << 24)).flatMap(BuiltImage.init)
    }

    // MARK: Becoming docker

    private func asTyped(_ note: Note) -> ExitCode {
        guard successor == .shim, let shim = CheckCommand.shim else { return become(docker.path, words, note) }
        trace(note)
        let failure = Execution.become(shim, arguments: .words(words))
        return cannotExecute(shim, failure)
    }

    /// Returns only if that fails.
    private func become(_ path: ByteString, _ words: [ByteString], _ note: Note) -> ExitCode {
        trace(note)
        let failure = Execution.become(path, arguments: .words(words), environment: .entries(environment))
        return cannotExecute(path, failure)
    }

    private func cannotExecute(_ path: ByteString, _ failure: Errno) -> ExitCode {
        Output.complain("cannot execute " + path + ": " + ByteString(failure.description))
        return ExitCode(126)
    }

    /// The plugin that docker starts may be the shim, too: it has nothing to add to a shared builder.
    private var environment: [ByteString] {
        let changes = RealDocker.changes(for: docker) + [EnvironmentChange(name: "SLIPWAY", value: "off")]
        return EnvironmentChange.apply(changes, to: Kernel.environment)
    }

    private func trace(_ note: Note) {
        guard Kernel.variable("SLIPWAY_TRACE") == "1" else { return }
        Kernel.printError(Output.lines(["slipway: " + note.reason.code + "  " + note.message]))
    }
}
