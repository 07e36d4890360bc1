internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import PathMap
internal import Planning

extension ComposeDecision {
    /// The command with the engine's paths. If it makes containers, an additional file gives the engine's paths for the
    /// project's own mounts. Compose is asked for its project only if paths differ, because that takes 50 to 150 ms.
    static func translated(_ compose: ComposeInvocation, _ command: CommandRequest) -> Plan {
        var paths = PathView(command.settings, for: command.purpose)
        var engine = ReachedEngine(compose.globals, docker: command.docker, for: command.purpose)
        paths.look(for: compose.mountSources, at: &engine)
        var plan = PathPolicy.plan(compose, command.words, facts: paths.facts)
        guard compose.word != "build" else { return plan }
        let deadline = command.budget.deadline.kept
        do throws(EngineError) {
            guard let table = try PathView.table(command.settings, at: &engine, for: command.purpose),
                table.isTranslating
            else { return plan }
            guard !compose.isRemote else { throw EngineError(.definitionRemote) }
            guard let file = ComposeFile(for: compose, isLasting: true) else { throw EngineError(.definitionUnclear) }
            guard !file.isOurs else { throw EngineError(.alreadyApplied) }
            // A service of a disabled profile can still be started by name, or because another service depends on it.
            let words: [ByteString] = ["--profile=*", "config", "--format=json"]
            guard let said = compose.configuration(words, of: plan.arguments, docker: command.docker),
                let project = JSON(said, until: deadline)
            else { throw EngineError(deadline.hasPassed ? .timeSpent : .definitionUnclear) }
            var sources: [ComposePathPolicy.Source] = []
            for path in ComposePathPolicy.sources(in: project) {
                guard !deadline.hasPassed else { throw EngineError(.timeSpent, "too many paths in the project") }
                sources.append(.init(path: path, resolved: PathView.resolved(path.cleanedPath)))
            }
            let (text, notes) = ComposePathPolicy.override(for: project, table: table, sources: sources)
            plan.notes += notes
            guard let text else { return plan }
            guard let path = command.purpose == .acting ? file.write(text) : file.path(for: text) else {
                throw EngineError(.definitionUnclear, "the file cannot be written")
            }
            plan.edits += file.edits(compose, adding: path)
        } catch {
            plan.notes.append(error.note)
        }
        return plan
    }
}
