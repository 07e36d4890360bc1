import ArgumentParser
import Engine
import Formats
import Host
import Planning
import Warm

/// `trim --packages` and `purge --packages`.
struct PackageUpkeep {
    let json: Bool

    /// Removes what nobody needs; `grace` in milliseconds.
    func trim(grace: Int, dryRun: Bool) throws {
        let report = try run(dryRun: dryRun) { (sweep) throws(DockerClientError) in try sweep.trim(grace: grace) }
        if !report.failed.isEmpty { throw ExitCode.failure }
    }

    /// Removes everything that no container has.
    func purge() throws {
        let report = try run(dryRun: false) { (sweep) throws(DockerClientError) in try sweep.purge() }
        // A user who wanted everything removed must learn that it was not.
        if !report.kept.isEmpty || !report.failed.isEmpty { throw ExitCode.failure }
    }

    private func run(
        dryRun: Bool, _ body: (Sweep) throws(DockerClientError) -> Sweep.Report
    ) throws -> Sweep.Report {
        do throws(DockerClientError) {
            let sweep = Sweep(try EngineCommands.client(), now: Int(Clock.now / 1_000_000), dryRun: dryRun)
            let report = try body(sweep)
            if json {
                Output.write(report.json(dryRun: dryRun))
            } else {
                Output.write(Self.text(report, dryRun: dryRun))
            }
            for item in report.failed where !json {
                Output.complain(
                    item.name + " is not removed: " + item.cause + "; check whether the engine still answers")
            }
            return report
        } catch {
            throw EngineCommands.complain(error, json: json)
        }
    }

    static func text(_ report: Sweep.Report, dryRun: Bool) -> ByteString {
        let verb: ByteString = dryRun ? "would remove " : "removed "
        var lines = report.removed.map { verb + $0.name + ": " + $0.cause }
        lines += report.kept.map { "kept " + $0.name + ": " + $0.cause }
        if lines.isEmpty { lines.append("nothing to remove") }
        return Output.lines(lines)
    }
}
