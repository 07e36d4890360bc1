import ArgumentParser
import Engine
import Formats
import Host
import Planning
import Shim
import Warm

/// `slipway warm`
struct WarmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm",
        abstract: "Fetch packages once, for all containers of this engine.",
        discussion: """
            Fetches packages with the tools of an image, in a separate container, and publishes what these tools \
            cached as a generation, which never changes. From then on every `docker run` and `docker create` on this \
            engine gives its container a private view of it, in which it can write and delete anything. Without --add \
            the new generation contains only what this command names. A run that fails or is interrupted publishes \
            nothing and leaves nothing behind.

            pip fetches for each version of Python, and for each cache format of the pips in the image. The setting \
            package-cache.mode determines what is filled. Exits with 1 if it failed, with 2 for bad usage, with 130 or \
            143 if it was interrupted.

              slipway warm --image python:3.12 --pip "pandas requests" -r requirements.txt
              slipway warm --image node:22 --npm package-lock.json --add
            """)

    @Option(
        help: ArgumentHelp(
            "The image whose tools fetch the packages, preferably the one that your containers use.", valueName: "image"
        ))
    var image: String

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Requirements for pip, separated by blanks.", valueName: "reqs"))
    var pip: [String] = []

    @Option(
        name: [.customShort("r"), .customLong("requirement")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A requirement file for pip; files that it includes are sent, too.", valueName: "file"),
        completion: .file())
    var requirement: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A package-lock.json, or names separated by blanks.", valueName: "lock"),
        completion: .file())
    var npm: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Requirements for uv separated by blanks, or a .txt file.", valueName: "reqs"),
        completion: .file())
    var uv: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A yarn.lock of yarn 1 beside its package.json, or names.", valueName: "lock"),
        completion: .file())
    var yarn: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A go.mod, or packages such as example.org/m@v1.2.3.", valueName: "mod"), completion: .file()
    )
    var go: [String] = []

    @Flag(help: "Keep the contents of the current generation, and add to them.")
    var add = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "An argument for `docker create`, such as --network=host; repeat it for each argument.", valueName: "arg"))
    var runArg: [String] = []

    @Flag(
        help:
            "Print JSON: volumes, digest, layers, tools, used, files, bytes, view, notes, left; or error (code, message, words, left)."
    )
    var json = false

    /// The request from the arguments.
    var request: WarmRequest {
        var request = WarmRequest(image: ByteString(image))
        request.runArguments = runArg.map { ByteString($0) }
        request.requirements = requirement.map { ByteString($0) }
        for (tool, values) in [(.pip, pip), (.npm, npm), (.uv, uv), (.yarn, yarn), (.go, go)]
            as [(PackageTool, [String])]
        {
            request.values[tool] = values.map { ByteString($0) }
        }
        request.isAddition = add
        return request
    }

    func run() throws {
        DeferredSignals.hold()
        let line = ProgressLine(.standardError(!json, saysSteps: true))
        do throws(DockerClientError) {
            let loaded = LoadedSettings.load()
            let directory = (try? Kernel.workingDirectory()) ?? "/"
            let warmed = try Warming(
                EngineCommands.client(), request, mode: loaded.settings.packageCache, directory: directory,
                now: { Int(Clock.now / 1_000_000) }, random: { Hex.digits(of: Kernel.randomBytes(8)) },
                progress: line.show
            ).run()
            line.clear()
            if json { Output.write(warmed.json) } else { Output.write(warmed.text) }
        } catch {
            line.clear()
            throw EngineCommands.complain(error, json: json)
        }
    }
}

extension ProgressLine {
    /// How much there is to fetch only pip and its like know, so this shows the time and what they say.
    func show(_ progress: WarmProgress) {
        switch progress {
        case .step(let text): step(text)
        case .line(let text): heard(text)
        }
    }
}

extension Warmed {
    /// For people.
    var text: ByteString {
        var lines: [ByteString] = volumes.map { (view == nil ? "filled " : "published ") + $0 }
        lines.append(
            "  " + ByteString(decimal: files) + (files == 1 ? " file, " : " files, ")
                + ByteSize.text(UInt64(clamping: bytes))
                + ", fetched by " + used.joined(separator: ", "))
        switch view {
        case .plain: lines.append("  containers get views of it")
        case .userAttributes: lines.append("  containers get views of it, with userxattr")
        case ViewSupport.none?, nil: break
        }
        for note in notes {
            let said = note.split("\n")
            lines += ["  note: " + (said.first ?? "")] + said.dropFirst().map { "    " + $0 }
        }
        if !left.isEmpty {
            lines.append(
                "  could not be removed: " + left.joined(separator: " ") + "; `slipway trim --packages` does it later")
        }
        return Output.lines(lines)
    }
}
