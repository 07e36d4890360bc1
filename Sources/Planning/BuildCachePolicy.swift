public import DockerCommandLine
public import Formats
internal import Notes

/// What may be requested from caches for a build, and how an offer is rendered.
public enum BuildCachePolicy {
    /// The request that a command line permits. `isOurs` recognizes values that a back end has put into options, and
    /// thus a command line that another shim has already changed.
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

    /// The command with the requested options for which there are offers, directly after the command word, so that a
    /// later option of the user's wins.
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
