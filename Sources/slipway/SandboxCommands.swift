import ArgumentParser
import Engine
import Formats
import Host
import Planning
import Sandbox
import Shim

/// `slipway ps`
struct ListContainers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps",
        abstract: "List the containers that the sandbox profile has made.",
        discussion: """
            Lists running and stopped containers, with the hash of their configuration and their workspace, and \
            whether the current settings would make them the same way. Exits with 1 if no engine answers.
            """)

    @Flag(help: "Print JSON: containers (id, name, image, state, workspace, hash, hashFull, status, differences).")
    var json = false

    func run() throws {
        let survey = try SandboxSurvey.make(includingOthers: false, json: json)
        let rows = survey.containers.map { ($0, Verdict($0, by: survey.standard)) }
        if json {
            Output.write(.object(["containers": .array(rows.map { $0.0.json(as: $0.1) })]))
        } else {
            Output.write(Self.text(rows))
        }
    }

    static func text(_ rows: [(SandboxContainer, Verdict)]) -> ByteString {
        guard !rows.isEmpty else { return "no container was made with the profile sandbox\n" }
        let width = max(4, rows.map(\.0.name.count).max() ?? 0)
        let heading = ByteString("NAME").padded(to: width) + "  STATE       HASH          WORKSPACE"
        let lines = rows.map { container, verdict in
            container.name.terminalSafe.padded(to: width) + "  " + container.state.terminalSafe.padded(to: 10) + "  "
                + container.hash.prefix(12).terminalSafe.padded(to: 12) + "  "
                + (container.workspace?.terminalSafe ?? "-")
                + (verdict == .current ? "" : "  (" + verdict.words.terminalSafe + ")")
        }
        return Output.lines([heading] + lines)
    }
}

/// `slipway reconcile`
struct ReconcileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Remove stopped sandboxes whose workspace is gone or whose settings have changed.",
        discussion: """
            First lists them, then removes them, a few at a time. Containers that run, are paused or restart by \
            themselves are kept: stop them first. Volumes are kept, too, and so are containers that other users, \
            machines or containers have made, unless --all is given. Exits with 1 if one could not be removed, with \
            130 or 143 if it was interrupted.

              slipway reconcile --dry-run
            """)

    @Flag(name: .long, help: "Only list what would be removed.")
    var dryRun = false

    @Flag(help: "Also judge containers that others have made, by the paths and settings here.")
    var all = false

    @Flag(help: "Print JSON: dryRun, removed, kept, failed (each as in `slipway ps`, with said), elsewhere.")
    var json = false

    func run() throws {
        DeferredSignals.hold()
        let survey = try SandboxSurvey.make(includingOthers: all, json: json)
        let plan = Reconciliation(survey.containers, by: survey.standard)
        if !json { Output.write(Self.text(plan, dryRun: dryRun)) }
        var report = Reconciliation.Report(kept: plan.running)
        if dryRun { report.removed = plan.outdated } else { report = plan.remove(survey.docker) }
        if json {
            Output.write(Self.json(report, elsewhere: plan.elsewhere, dryRun: dryRun))
        } else if !dryRun {
            for item in report.removed { Output.write(Output.lines(["removed " + item.container.name])) }
            for item in report.kept where !item.said.isEmpty {
                Output.write(Output.lines(["kept " + item.container.name + ": " + item.said]))
            }
            for item in report.failed {
                Output.complain(
                    item.container.name + " is not removed: " + item.said
                        + "; check whether the engine still answers")
            }
        }
        if let signal = DeferredSignals.waiting { throw ExitCode(128 + signal) }
        if !report.failed.isEmpty { throw ExitCode.failure }
    }

    static func text(_ plan: Reconciliation, dryRun: Bool) -> ByteString {
        func line(_ item: Reconciliation.Item) -> ByteString {
            "  " + item.container.name.terminalSafe + "  " + item.container.state.terminalSafe + "  "
                + item.verdict.words.terminalSafe
        }
        var lines: [ByteString] = []
        if !plan.outdated.isEmpty { lines.append(dryRun ? "would be removed:" : "to be removed:") }
        lines += plan.outdated.map(line)
        if !plan.running.isEmpty { lines.append("kept, because they have not stopped:") }
        lines += plan.running.map(line)
        if lines.isEmpty { lines.append("nothing to remove") }
        if plan.elsewhere > 0 {
            lines.append(
                "not judged: " + ByteString(decimal: plan.elsewhere) + " made elsewhere or by other users; see --all")
        }
        return Output.lines(lines)
    }

    static func json(_ report: Reconciliation.Report, elsewhere: Int, dryRun: Bool) -> JSON {
        func list(_ items: [Reconciliation.Item]) -> JSON {
            .array(items.map { $0.container.json(as: $0.verdict, said: $0.said) })
        }
        return .object([
            "dryRun": .bool(dryRun), "removed": list(report.removed), "kept": list(report.kept),
            "failed": list(report.failed), "elsewhere": .integer(elsewhere),
        ])
    }
}

/// An engine's sandbox containers, and the standard by which they are judged here.
private struct SandboxSurvey {
    let docker: DockerClient
    let containers: [SandboxContainer]
    let standard: Verdict.Standard

    /// Prints a failure and throws to end the program.
    static func make(includingOthers: Bool, json: Bool) throws -> SandboxSurvey {
        do throws(DockerClientError) {
            let docker = try EngineCommands.client()
            let containers = try SandboxContainer.list(docker)
            guard let program = RealDocker.find() else {
                throw DockerClientError(
                    .dockerMissing, "no docker found: install one, or name it with SLIPWAY_DOCKER")
            }
            let lookup = SandboxLookup(LoadedSettings.load().settings, docker: program)
            if !lookup.isEngineKnown {
                Output.complain("the engine did not report its limits in time, so configurations are not compared")
            }
            return SandboxSurvey(
                docker: docker, containers: containers,
                standard: .init(
                    lookup.isEngineKnown ? lookup.configuration : nil, origin: lookup.origin,
                    includesOthers: includingOthers))
        } catch {
            throw EngineCommands.complain(error, json: json)
        }
    }
}

extension SandboxContainer {
    /// Stable for programs.
    func json(as verdict: Verdict, said: ByteString? = nil) -> JSON {
        var differences: [ByteString] = []
        if case .changed(let found) = verdict { differences = found }
        var members: [JSON.Member] = [
            .init(name: "id", value: .string(id)), .init(name: "name", value: .string(name)),
            .init(name: "image", value: .string(image)), .init(name: "state", value: .string(state)),
            .init(name: "workspace", value: .string(orNull: workspace)),
            .init(name: "hash", value: .string(hash.prefix(12))), .init(name: "hashFull", value: .string(hash)),
            .init(name: "status", value: .string(verdict.code)),
            .init(name: "differences", value: .array(differences.map(JSON.string))),
        ]
        if let said { members.append(.init(name: "said", value: .string(said))) }
        return .object(members)
    }
}
