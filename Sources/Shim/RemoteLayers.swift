internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// What a registry has for a build that somebody waits for.
extension BuildLayers {
    /// Has the first build of a key wait for what other hosts have pushed of it, where the settings say so. Returns what came of that.
    mutating func awaitOtherHosts(
        _ build: Build, by builder: BuilderFacts, _ globals: GlobalOptions, _ request: BuildCachePolicy.Request
    ) -> [Note] {
        guard settings.remote.wait != nil, settings.remote.mode == .replicate, store != nil, request.imports else {
            return []
        }
        let isKnown = early.flatMap { $0.lookup.newest.first ?? nil } != nil
        guard !isKnown else { return [] }
        let platform = "linux/" + (builder.architecture ?? Kernel.architecture)
        let identity = BuildIdentity(of: build.description, platform: platform)
        // What was read counts no more afterwards, and its leases would keep others waiting meanwhile.
        early = nil
        var note: Note?
        Budget.excusing { note = RemoteUpkeep.wait(for: identity, settings, globals) }
        return note.map { [$0] } ?? []
    }

    /// Looks for the only build where its layers come from: in the store, or in the registry alone.
    mutating func look(
        for builds: [Build], by builder: BuilderFacts, _ globals: GlobalOptions,
        _ request: inout BuildCachePolicy.Request
    ) {
        guard settings.remote.directPrefix != nil, let build = builds.first, builds.count == 1 else {
            return look(for: builds, by: builder, &request)
        }
        early = nil
        exports = [nil]
        facts = [BuildCachePolicy.Facts()]
        facts[0].isDirect = true
        request.exports = false
        leaveOutWhatIsKnown(builds, builder, request)
        let platform = "linux/" + (builder.architecture ?? Kernel.architecture)
        identities = [BuildIdentity(of: build.description, platform: platform)]
        looked = 1
        guard request.imports, !facts[0].isImported else { return }
        Budget.excusing {
            switch RemoteUpkeep.resolve(identities[0], settings, globals) {
            case .success(let reference): facts[0].reference = reference
            case .failure(let refusal): facts[0].notes.append(refusal.note)
            }
        }
    }
}
