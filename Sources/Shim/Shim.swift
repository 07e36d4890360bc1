internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The program named `docker`, and the plugin named `docker-buildx`.
public enum Shim {
    /// Whether the environment disables Slipway for this command.
    public static var isBypassed: Bool { Kernel.variable("SLIPWAY") == "off" }

    /// Becomes the real program with the name it was called by, with or without changes; never returns.
    public static func run() -> Never {
        let role = Role.current
        let docker = role.realProgramOrExit()
        guard !isBypassed, role.mayEdit else { pass(docker, as: role) }
        let budget = Budget()
        let request = CommandRequest(Kernel.arguments, docker, as: role, .load(), for: .acting, within: budget)
        // A refusal ends here; otherwise the caches are read while the engine is being asked.
        let draft = Decision(request)
        // Only here can an effect fail, and only once.
        let decision = draft.reserved(for: request)
        Aftermath.begin(decision, request)
        LoadHandover.become(request, decision.plan)
        become(docker, decision.plan)
    }

    /// Becomes the real program with the command unchanged.
    private static func pass(_ docker: Program, as role: Role) -> Never {
        if role == .docker, isTraced {
            show(.unchanged(Kernel.arguments, [Note(isBypassed ? .bypassed : .notEdited)]), docker)
        }
        become(docker, .inherited, [])
    }

    static var isTraced: Bool { Kernel.variable("SLIPWAY_TRACE") == "1" }

    static func show(_ plan: Plan, _ docker: Program) {
        Kernel.printError("slipway: " + docker.path + "\n" + plan.text)
    }

    private static func become(_ docker: Program, _ plan: Plan) -> Never {
        become(docker, plan.isChanged ? .words(plan.arguments) : .inherited, plan.environment)
    }

    private static func become(
        _ docker: Program, _ arguments: Execution.Arguments, _ planned: [EnvironmentChange]
    ) -> Never {
        let changes = planned + RealDocker.changes(for: docker)
        let environment: Execution.Environment =
            changes.isEmpty ? .inherited : .entries(EnvironmentChange.apply(changes, to: Kernel.environment))
        var failure = Execution.become(docker.path, arguments: arguments, environment: environment)
        if failure == .noInterpreter {
            // A shell would have run it this way.
            let words = if case .words(let planned) = arguments { planned } else { Kernel.arguments }
            failure = Execution.become(
                "/bin/sh", arguments: .words(["sh", docker.path] + words.dropFirst()), environment: environment)
        }
        Kernel.printError("slipway: cannot execute " + docker.path + ": " + ByteString(failure.description) + "\n")
        Kernel.exit(126)
    }
}
