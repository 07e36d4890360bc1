import ArgumentParser
import Formats
import History
import Host
import Shim

/// `slipway check -- docker build ...`
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Run a build, and fail if a step was executed that should have been cached.",
        discussion: """
            For CI and agents. Runs the build through the shim beside this program, with its own streams. This also \
            works for docker buildx bake and docker compose build; for compose the shim must be installed as docker's \
            plugin. Exits with 3 if the build succeeded but executed a step that the store should have had: neither \
            the Dockerfile, the arguments, the base image nor the content of a file differs. Otherwise exits with the \
            build's own code. The explanation of slipway why goes to standard error. If it is unknown whether the \
            store should have had a step, as it always is without records (buildx before 0.21), a message says so, and \
            the exit code is the build's own. SLIPWAY_REQUIRE=cached spells out what is required, and is the default. \
            The plain shim never changes an exit code.

              slipway check -- docker build -t app .
            """)

    @Flag(help: "Print JSON on standard output after the build's own output, as slipway why --json does.")
    var json = false

    @Argument(parsing: .postTerminator, help: ArgumentHelp("The docker command, after --.", valueName: "docker"))
    var command: [String] = []

    func validate() throws {
        guard let first = command.first, ByteString(first).lastPathComponent == "docker" else {
            throw ValidationError("Give the docker command after --, as in: slipway check -- docker build .")
        }
        if let required = Kernel.variable("SLIPWAY_REQUIRE"), !required.isEmpty, required != "cached" {
            throw ValidationError("SLIPWAY_REQUIRE must be cached, or unset.")
        }
    }

    func run() throws {
        // The parser's Strings cannot hold invalid UTF-8, so the arguments come from the kernel's copy.
        let words = Array(Kernel.arguments.drop { $0 != "--" }.dropFirst())
        guard let shim = Self.shim else {
            Output.complain("no docker shim beside this program: ./install.sh")
            throw ExitCode.failure
        }
        // Without these there would be nothing to report on.
        var environment = Kernel.environment.filter {
            !$0.hasPrefix("SLIPWAY_RECORD=") && !$0.hasPrefix("SLIPWAY_JOURNAL=") && !$0.hasPrefix("SLIPWAY_CHECK=")
        }
        environment += ["SLIPWAY_RECORD=on", "SLIPWAY_JOURNAL=on"]
        // Compose bakes in a separate process, so the journal entry must name this one.
        environment.append("SLIPWAY_CHECK=" + ByteString(decimal: Kernel.processID))
        let began = Clock.now / 1_000_000_000
        let code: Int32
        do throws(Errno) {
            code = try Execution.run(shim, arguments: words, environment: .entries(environment))
        } catch {
            Output.complain("cannot run " + shim + ": " + ByteString(error.description))
            throw ExitCode.failure
        }
        guard code == 0 else { throw ExitCode(code) }
        guard let told = Self.explain(since: Int(began)) else {
            return Output.complain(
                "it is unknown whether every step was cached: the shim recorded nothing about this command")
        }
        if json { Output.write(told.json) }
        Kernel.printError("slipway: " + told.text)  // of `lines`
        if told.explanation.shouldHaveHit { throw ExitCode(3) }
    }

    static var shim: ByteString? {
        guard let own = try? Files.realPath("/proc/self/exe") else { return nil }
        let path = own.parentPath.appending(path: "docker")
        return Files.allows(.execute, path) ? path : nil
    }

    private static func explain(since began: Int) -> ToldBuild? {
        let own = Int(Kernel.processID)
        let commands = RecordedBuild.commands().filter { $0.check == own && $0.time >= began }
        let builds = commands.flatMap { RecordedBuild.builds(of: $0, waiting: 15) }
        return ToldBuild(of: builds, among: builds, docker: RealDocker.find()?.path)
    }
}
