public import DockerCommandLine
public import Formats
internal import Notes

/// What a build may ask of a cache, and how an offer is put into its words.
public enum BuildCachePolicy {
    /// Reads the request off a command line. `isOurs` knows the values that back ends have given to options, by which a command that
    /// has been through a shim already is known.
    public static func request(
        of build: BuildInvocation, _ settings: Settings, isOurs: (ByteString) -> Bool
    ) -> CacheRequest {
        var words = CacheRequest.Words()
        words.isPassThrough = build.isPassThrough
        if build.context == nil {
            words.refusal = .commandNotUnderstood
        } else if (build.cacheFrom + build.cacheTo).contains(where: { names($0, isOurs) }) {
            words.refusal = .alreadyApplied
        }
        words.noCache = build.noCache
        words.exportsItself = !build.cacheTo.isEmpty
        return CacheRequest(words, settings)
    }

    static func names(_ option: ByteString, _ isOurs: (ByteString) -> Bool) -> Bool {
        (CSV.fields(of: option) ?? []).contains { field in
            field.cut(at: "=").map { isOurs($0.after) } ?? false
        }
    }

    /// The command with the options that are offered and asked for, directly after the command word: a later one of the user's wins.
    public static func plan(
        _ build: BuildInvocation, _ words: [ByteString], request: CacheRequest, offer: CacheOffer
    ) -> Plan {
        let offer = offer.limited(to: request)
        let notes = request.notes + offer.allNotes
        guard !offer.isEmpty else { return .unchanged(words, notes) }
        let options =
            (offer.importing.option.map { ["--cache-from=" + $0] } ?? [])
            + (offer.exporting.option.map { ["--cache-to=" + $0] } ?? [])
        return Plan(
            words, edits: [.insert(options, after: build.commandWordIndex)], leases: offer.leases, notes: notes)
    }
}
