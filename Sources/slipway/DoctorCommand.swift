import ArgumentParser
import Doctor
import Formats
import Host

/// `slipway doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find what keeps builds from sharing layers, and how to fix it.",
        discussion: """
            The first line is the verdict. The doctor starts every installed shell to see which docker it runs, and \
            asks docker, its plugins and the engine. It changes nothing. docs/doctor.md lists the codes. Exits with 0 \
            if everything is in order, 1 with warnings, 2 if something is broken.
            """)

    @Flag(help: "Print JSON: findings, worst, verdict (shared, imported-only, not-shared), says.")
    var json = false

    @Flag(help: "Read every blob of the store that you can read, and compare it with its digest.")
    var verify = false

    @Flag(
        name: [.short, .long],
        help: "Print only the verdict, and only if builds share less than they could: for lifecycle commands.")
    var quiet = false

    func validate() throws {
        guard !(quiet && json) else { throw ValidationError("Give --quiet or --json, not both.") }
    }

    func run() throws {
        let line = ProgressLine(.standardError(verify && !json && !quiet))
        line.step("verifying")
        let report = Doctor.examine(verifying: verify, progress: line.done)
        line.clear()
        if quiet {
            if report.verdict != .shared { Output.complain(report.verdictText + "; see slipway doctor") }
        } else if json {
            Output.write(report.json)
        } else {
            Output.write(coloured: report.text(inColour: Terminal.hasColours))
        }
        if report.worst != .ok { throw ExitCode(report.worst.rawValue) }
    }
}
