internal import BuildCache
internal import DockerCommandLine
internal import Formats
internal import Host
internal import Planning

/// What docker need not wait for once a command's builds have ended: their exports are published, and it is written down what they
/// were made from and what became of them; then a registry is looked at. One process of lowest priority does it all.
struct Aftermath {
    let store: Store?
    let settings: Settings
    let globals: GlobalOptions
    /// What was built.
    let identities: [BuildIdentity]
    /// The keys that have something new to be published.
    let exported: [Key]
    /// How many of the builds may share steps (`BuildLayers.numbers`).
    let apart: Int
    /// nil where nothing is recorded.
    let recorder: BuildRecorder?
    /// The export that is still to be made then; nil where docker makes it, or there is none.
    let export: ExportBehind?

    private var isEmpty: Bool { recorder == nil && exported.isEmpty && settings.remote.prefix == nil }

    /// Begins, and says whether it has: two forks are all that the command waits for. `inherited` is kept until the end.
    func begin(inheriting inherited: [Detached.Inheritance]) -> Bool {
        guard !isEmpty else { return false }
        let (process, began) = (Kernel.processID, Clock.now)
        return Detached.run(inheriting: inherited) { command in
            if let recorder {
                recorder.run(began: began, process: process, command, exporting: export, publish: publish)
            } else {
                command.waitForEnd(within: BuildRecorder.longestBuild)
                publish()
            }
            RemoteUpkeep.begin(for: identities, settings, globals)
            return 0
        }
    }

    private func publish() {
        guard !exported.isEmpty else { return }
        store?.publishUnion(
            for: exported, UnionScope(settings), othersUpTo: settings.unionOthersAge,
            trusting: settings.readUsers(besides: Kernel.userID), apart: apart)
    }
}
