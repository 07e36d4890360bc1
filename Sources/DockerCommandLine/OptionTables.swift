// A test compares these rows with the flags that docker and buildx define (Scripts/check-flags). A row stays as long as
// any supported version has the option: the installed version itself reports an option that it does not have, with or
// without Slipway.

extension OptionTable {
    /// docker's global options, before the command word (docker/cli cli/flags/options.go, InstallFlags; cli/cobra.go).
    public static let docker = OptionTable(
        command: "docker", isInterspersed: false,
        rows: [
            Row("config", .value, .configDirectory),
            Row("context", short: "c", .value, .context),
            Row("debug", short: "D", .flag),
            Row("help", short: "h", .flag, .untouchable),
            Row("host", short: "H", .value, .host),
            Row("log-level", short: "l", .value),
            Row("tls", .flag, .tls),
            Row("tlscacert", .value),
            Row("tlscert", .value),
            Row("tlskey", .value),
            Row("tlsverify", .flag, .tlsVerify),
            Row("version", short: "v", .flag, .untouchable),
        ])

    /// buildx's persistent options, between `buildx` and its sub-command (docker/buildx commands/root.go, rootFlags).
    public static let buildx = OptionTable(
        command: "docker buildx", isInterspersed: false,
        rows: [
            Row("builder", .value, .builder),
            Row("debug", short: "D", .flag),
            Row("help", short: "h", .flag, .untouchable),
        ])

    /// `docker buildx build`, with the parent's persistent options (docker/buildx commands/build.go, buildCmd).
    static let buildxBuild = OptionTable(
        command: "docker buildx build", isInterspersed: true,
        rows: [
            Row("add-host", .value),
            Row("allow", .value),
            Row("annotation", .value),
            Row("attest", .value),
            Row("build-arg", .value, .buildArgument),
            Row("build-context", .value, .buildContext),
            Row("builder", .value, .builder),
            Row("cache-from", .value, .cacheFrom),
            Row("cache-to", .value, .cacheTo),
            Row("call", .value, .call),
            Row("cgroup-parent", .value),
            Row("check", .optional, .check),
            Row("compress", .flag),
            Row("cpu-period", .value),
            Row("cpu-quota", .value),
            Row("cpu-shares", short: "c", .value),
            Row("cpuset-cpus", .value),
            Row("cpuset-mems", .value),
            Row("debug", short: "D", .flag),
            // The build continues in a separate server, which would not hold a lease on the store (buildx 0.13,
            // experimental).
            Row("detach", .flag, .untouchable),
            Row("file", short: "f", .value, .file),
            Row("force-rm", .flag),
            Row("help", short: "h", .flag, .untouchable),
            Row("iidfile", .value),
            Row("isolation", .value),
            Row("label", .value),
            Row("load", .flag),
            Row("memory", short: "m", .value),
            Row("memory-swap", .value),
            Row("metadata-file", .value),
            Row("network", .value),
            Row("no-cache", .flag, .noCache),
            Row("no-cache-filter", .value, .noCacheFilter),
            Row("output", short: "o", .value, .output),
            Row("platform", .value, .platform),
            Row("policy", .value),
            Row("print", .value, .untouchable),
            Row("progress", .value),
            Row("provenance", .value),
            Row("pull", .flag),
            Row("push", .flag),
            Row("quiet", short: "q", .flag),
            Row("resource", .value),
            Row("rm", .flag),
            // The server's own directory and configuration: as `detach`.
            Row("root", .value, .untouchable),
            Row("sbom", .value),
            Row("secret", .value),
            Row("security-opt", .value),
            Row("server-config", .value, .untouchable),
            Row("shm-size", .value),
            Row("squash", .flag),
            Row("ssh", .value),
            Row("tag", short: "t", .value, .tag),
            Row("target", .value, .target),
            Row("ulimit", .value),
        ])

    /// `docker buildx bake`, with the parent's persistent options (docker/buildx commands/bake.go, bakeCmd).
    static let buildxBake = OptionTable(
        command: "docker buildx bake", isInterspersed: true,
        rows: [
            Row("allow", .value),
            Row("builder", .value, .builder),
            Row("call", .value, .call),
            Row("check", .optional, .check),
            Row("debug", short: "D", .flag),
            Row("file", short: "f", .value, .file),
            Row("help", short: "h", .flag, .untouchable),
            Row("list", .value, .untouchable),
            Row("list-targets", .flag, .untouchable),
            Row("list-variables", .flag, .untouchable),
            Row("load", .flag),
            Row("metadata-file", .value),
            Row("no-cache", .flag, .noCache),
            Row("policy", .value),
            Row("print", .flag, .untouchable),
            Row("progress", .value),
            Row("provenance", .value),
            Row("pull", .flag),
            Row("push", .flag),
            Row("sbom", .value),
            Row("set", .value, .override),
            Row("var", .value),
        ])
}
