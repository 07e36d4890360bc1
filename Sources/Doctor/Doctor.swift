internal import BuildCache
internal import Formats
internal import Host
internal import Planning
internal import Shim

/// Checks everything that Slipway needs, and what makes builds share less than they could. Changes nothing.
public enum Doctor {
    /// All findings. With `verifying` it reads every blob of the store, and calls `progress` with the bytes done and
    /// the total.
    public static func examine(
        verifying: Bool, progress: (UInt64, UInt64) -> Void = { _, _ in }
    ) -> Report {
        let context = ProcessContext.current()
        let loaded = LoadedSettings.load()
        let store = loaded.storePath
        var findings = ShellFacts.gather(context).findings()
        let engine = EngineFacts.gather(context, docker: RealDocker.find())
        findings += engine.findings()
        findings += StoreFacts.gather(store, loaded.settings, context).findings()
        if verifying, let layout = store.flatMap(StoreLayout.init(root:)) {
            findings += BlobFacts.gather(layout, progress: progress).findings()
        }
        findings += loaded.findings()
        findings += RemoteFacts.gather(loaded.settings.remote)?.findings() ?? []
        findings += SharedBuilderFacts.gather(loaded.settings.builder, engine, context).findings()
        findings += CloneFacts.gather(context).findings()
        findings += PathLookup(loaded.settings, docker: RealDocker.find()).findings(context.directory)
        findings += HomeFacts.gather(context).findings()
        let remedy = Remedy(context)
        return Report(findings.map(remedy.fit))
    }
}
