internal import DockerCommandLine
public import Formats
public import Notes

/// What `slipway build` does with a docker command line, decided before anything runs.
public enum LoadPlan: Equatable, Sendable {
    /// Docker builds and loads by itself, with the words as they were typed.
    case docker(Note)
    /// The builder keeps the image until it has been compared with what the engine has.
    case compare(ComparedBuild)

    /// Plans for a command line, in which `words[0]` is the program's name.
    public init(_ words: [ByteString]) {
        let build: BuildInvocation
        switch Invocation.parse(words) {
        case .build(let invocation): build = invocation
        case .notUnderstood(let error):
            self = .docker(Note(.commandNotUnderstood, error.message))
            return
        default:
            self = .docker(Note(.loadedByDocker, "no build"))
            return
        }
        if build.isPassThrough {
            self = .docker(Note(.helpOrCheck))
        } else if let cause = Self.obstacle(in: build) {
            self = .docker(Note(.loadedByDocker, cause))
        } else if let compared = ComparedBuild(build, words) {
            self = .compare(compared)
        } else {
            self = .docker(Note(.loadedByDocker, "no context"))
        }
    }

    /// What makes a comparison impossible or useless; nil if nothing does.
    private static func obstacle(in build: BuildInvocation) -> ByteString? {
        if !build.outputs.isEmpty { return "--output" }
        if build.isSet("push") { return "--push" }
        if build.lastValue(named: "load") != nil, !build.isSet("load") { return "--load=false" }
        if build.platforms.flatMap({ $0.split(",") }).count > 1 { return "several platforms" }
        // Nothing of such an image was there before, and a second run would build it again.
        if build.noCache { return "--no-cache" }
        if build.hasNoCacheFilter { return "--no-cache-filter" }
        // Attestations have times in them: the image's identity changes with every build.
        if let name = attestations.first(where: { build.isAttested($0) }) { return "--" + name }
        // Both of these may change the image, and a second run would export again.
        if !build.cacheTo.isEmpty { return "--cache-to" }
        if build.buildArguments.contains(where: { $0.hasPrefix("BUILDKIT_INLINE_CACHE") }) {
            return "BUILDKIT_INLINE_CACHE"
        }
        if build.readsOnce { return "an input that can be read only once" }
        if let tag = build.tags.first(where: { ImageName($0) == nil }) { return "the tag " + tag }
        return nil
    }

    private static let attestations: [ByteString] = ["provenance", "sbom", "attest"]
}

extension BuildInvocation {
    /// The last value of an option, by its long name.
    func lastValue(named name: ByteString) -> ByteString? {
        scan.occurrences.last { $0.row.longName == name }?.value
    }

    /// Whether a flag is true.
    func isSet(_ name: ByteString) -> Bool { lastValue(named: name).flatMap { Bool(goText: $0) } ?? false }

    /// Whether the words request attestations by this option.
    fileprivate func isAttested(_ name: ByteString) -> Bool {
        scan.occurrences.contains { $0.row.longName == name && Bool(goText: $0.value) != false }
    }

    /// Whether something comes from a pipe, such as standard input or a shell's `<(...)`.
    fileprivate var readsOnce: Bool {
        guard context != "-", file != "-" else { return true }
        return (scan.occurrences.map(\.value) + positionals).contains { value in
            ["/dev/", "/proc/"].contains { value.hasPrefix($0) || value.range(of: "=" + $0) != nil }
        }
    }
}

extension OptionTable.Row {
    /// The name without dashes.
    var longName: ByteString { ByteString(stringLiteral: name) }
}
