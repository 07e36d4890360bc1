internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The program named `docker`, and the plugin named `docker-buildx`.
public enum Shim {
    /// Every word that a command line must hold for Slipway to edit it. All others are passed on unread.
    private static let editable = Kernel.StaticWords(
        "bake build buildx builder compose image run create container volume")

    /// Whether the environment says that everything is passed on as it is.
    public static var isBypassed: Bool { Kernel.variable("SLIPWAY") == "off" }

    /// Becomes the real program of the name it was called by, with or without changes; never returns.
    public static func run() -> Never {
        if Kernel.isCalled("docker-buildx") { Plugin.run() }
        guard let docker = RealDocker.find() else {
            Kernel.printError("slipway: no docker found besides Slipway itself, on PATH or in the usual folders\n")
            Kernel.exit(127)
        }
        let bypassed = isBypassed
        let traced = Kernel.variable("SLIPWAY_TRACE") == "1"
        guard !bypassed && Kernel.commandLineHolds(anyOf: editable) else {
            if traced {
                show(.unchanged(Kernel.arguments, [Note(bypassed ? .bypassed : .notEdited)]), docker)
            }
            become(docker, .inherited, [])
        }
        let budget = Budget()
        let loaded = LoadedSettings.load()
        let decision = Decision(Kernel.arguments, docker: docker, loaded, for: .acting, within: budget)
        let plan = decision.plan
        if traced { show(plan, docker) }
        if let lack = plan.notes.last, lack.reason == .sandboxIncomplete {
            Kernel.printError(
                "slipway: " + lack.message.terminalSafe + " (" + lack.reason.code + "; docs/sandbox.md)\n")
        }
        if loaded.settings.journal, let command = decision.command {
            let findings =
                loaded.settings.lint == .journal
                ? decision.build.flatMap { BuildFindings(of: $0, within: budget) } : nil
            Journal.append(plan, command: command, findings)
        }
        become(docker, plan.isChanged ? .words(plan.arguments) : .inherited, plan.environment)
    }

    static func show(_ plan: Plan, _ docker: Program) {
        Kernel.printError("slipway: " + docker.path + "\n" + plan.text)
    }

    static func become(
        _ docker: Program, _ arguments: Execution.Arguments, _ planned: [EnvironmentChange]
    ) -> Never {
        let changes = planned + RealDocker.changes(for: docker)
        let environment: Execution.Environment =
            changes.isEmpty ? .inherited : .entries(EnvironmentChange.apply(changes, to: Kernel.environment))
        var failure = Execution.become(docker.path, arguments: arguments, environment: environment)
        if failure == .noInterpreter {
            // A shell would have run it so.
            let words = if case .words(let planned) = arguments { planned } else { Kernel.arguments }
            failure = Execution.become(
                "/bin/sh", arguments: .words(["sh", docker.path] + words.dropFirst()), environment: environment)
        }
        Kernel.printError("slipway: cannot execute " + docker.path + ": " + ByteString(failure.description) + "\n")
        Kernel.exit(126)
    }
}
