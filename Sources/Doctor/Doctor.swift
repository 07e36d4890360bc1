internal import BuildCache
internal import Formats
internal import Host
internal import Planning
internal import Shim

/// Looks at everything that Slipway needs, and at what makes builds share less than they could. Changes nothing.
public enum Doctor {
    /// All findings. With `verifying`, every blob of the store is read; `progress` is told the bytes that are done and those
    /// in all.
    public static func examine(
        verifying: Bool, progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) -> Report {
        let surroundings = Surroundings.current()
        let loaded = LoadedSettings.load()
        let store = loaded.storePath
        var findings = ShellFacts.gather(surroundings).judge()
        findings += EngineFacts.gather(surroundings, docker: RealDocker.find()).judge()
        findings += StoreFacts.gather(store, loaded.settings, surroundings).judge()
        if verifying, let layout = store.flatMap(StoreLayout.init(root:)) {
            findings += BlobFacts.gather(layout, progress: progress).judge()
        }
        findings += loaded.judge()
        findings += RemoteFacts.gather(loaded.settings.remote)?.judge() ?? []
        findings += CloneFacts.gather(surroundings).judge()
        findings += PathLookup(loaded.settings, docker: RealDocker.find()).judge(surroundings.directory)
        findings += HomeFacts.gather(surroundings).judge()
        return Report(findings)
    }
}
