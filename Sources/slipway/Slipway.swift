import ArgumentParser
import Formats
import Host
import Shim

/// The program for people. Exit codes: 0 done; 1 done with findings, or failed; 2 wrong usage, something broken
/// according to `doctor`, or a file that `lint` cannot read; 3 a step that `check` found executed; 128 plus the
/// number of a signal.
@main
struct Slipway: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slipway",
        abstract: "A docker that remembers: shows and explains what the docker shim does.",
        discussion: """
            The shim named `docker` comes before the real one on PATH and adds the options that let builds share their \
            layers. SLIPWAY=off docker ... bypasses it for one command, and SLIPWAY_TRACE=1 docker ... shows what it \
            does. Commands exit with 0 for success, 1 if something was found or failed, and 2 for bad usage, unless \
            their own help says otherwise.
            """,
        subcommands: [
            Explain.self, PathsCommand.self, Log.self, Stats.self, ReportCommand.self, MetricsCommand.self, Status.self,
            DoctorCommand.self,
            WhyCommand.self,
            CheckCommand.self, BuildCommand.self, DockerBuildCommand.self,
            LintCommand.self, ModesCommand.self, WarmCommand.self, TrimCommand.self, PurgeCommand.self,
            PushCommand.self, PullCommand.self, RemoteCommands.self, BuilderCommands.self,
            ListContainers.self,
            ReconcileCommand.self, ShowSettings.self, StoreCommands.self, ShowVersion.self,
        ]
    )

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            let text = told(error) + "\n"
            if exitCode(for: error) == .success {
                Output.write(text)
            } else if text != "\n" {
                Kernel.printError(text)
            }
            end(with: status(for: error))
        }
        end(with: 0)
    }

    /// The parser's message, in which arguments from the command line cannot start a new line.
    private static func told(_ error: any Error) -> ByteString {
        var text = fullMessage(for: error)
        for word in Kernel.arguments where !word.isTerminalSafe {
            text = text.replacing(word.lossy, with: word.terminalSafe.lossy)
        }
        return ByteString(text)
    }

    /// If standard output leads to a full disk, that is a failure, as for `cat`.
    private static func end(with code: Int32) -> Never {
        guard code == 0, let failure = Output.failure else { Kernel.exit(code) }
        Output.complain("cannot write to standard output: " + ByteString(failure.description))
        Kernel.exit(ExitCode.failure.rawValue)
    }

    /// The exit code for an error of the parser or of a command.
    static func status(for error: any Error) -> Int32 {
        let code = exitCode(for: error)
        return code == .validationFailure ? 2 : code.rawValue
    }
}

/// `slipway version`
struct ShowVersion: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @Flag(help: "Print JSON: {\"version\": ...}.")
    var json = false

    func run() {
        let version = ByteString(Release.version)
        Output.write(json ? "{\"version\":\"" + version + "\"}\n" : "slipway " + version + "\n")
    }
}
