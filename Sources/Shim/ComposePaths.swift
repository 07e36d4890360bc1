internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import PathMap
internal import Planning

extension Decision {
    /// The plan of a command that makes containers, with a file more that gives the engine's paths for the project's own; as it is
    /// where none of them changes. Only where paths differ is compose asked for the project: 50 to 150 ms.
    static func translatingProject(
        _ compose: ComposeInvocation, _ plan: Plan, docker: Program, _ settings: Settings, for purpose: Purpose,
        at engine: inout ReachedEngine, until deadline: Deadline
    ) -> Plan {
        guard compose.word != "build" else { return plan }
        var plan = plan
        do throws(EngineError) {
            guard let table = try PathView.table(settings, at: &engine, for: purpose), table.isTranslating else {
                return plan
            }
            guard !compose.isRemote else { throw EngineError(.definitionRemote) }
            guard let file = ComposeFile(for: compose, isLasting: true) else { throw EngineError(.definitionUnclear) }
            guard !file.isOurs else { throw EngineError(.alreadyApplied) }
            // What belongs to a profile that is off may be started by name, or by what depends on it.
            let words: [ByteString] = ["--profile=*", "config", "--format=json"]
            guard let said = configuration(of: compose, plan.arguments, words, docker: docker),
                let project = JSON(said, until: deadline)
            else { throw EngineError(deadline.hasPassed ? .timeSpent : .definitionUnclear) }
            var sources: [ComposePathPolicy.Source] = []
            for path in ComposePathPolicy.sources(in: project) {
                guard !deadline.hasPassed else { throw EngineError(.timeSpent, "paths of the project") }
                sources.append(.init(path: path, resolved: PathView.resolved(path.cleanedPath)))
            }
            let (text, notes) = ComposePathPolicy.override(for: project, table: table, sources: sources)
            plan.notes += notes
            guard let text else { return plan }
            guard let path = purpose == .acting ? file.write(text) : file.path(for: text) else {
                throw EngineError(.definitionUnclear, "no place for a file")
            }
            var more = file.plan(compose, plan.arguments, adding: path)
            more.notes = plan.notes
            return more
        } catch {
            plan.notes.append(error.note)
            return plan
        }
    }
}
