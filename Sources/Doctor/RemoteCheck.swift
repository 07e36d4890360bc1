internal import Formats
internal import Notes
internal import Planning
internal import Remote
internal import Shim

/// The registry for the store: the client for it, and what has failed. It is not contacted: `slipway remote check`
/// does that.
struct RemoteFacts {
    var prefix: ByteString
    var role = RemoteSettings.Role.reader
    /// A description of the client; nil if there is no usable one.
    var client: ByteString?
    var obstacle: RemoteCause?
    var failures: [(way: ByteString, cause: RemoteCause, detail: ByteString)] = []

    func findings() -> [Finding] {
        var findings: [Finding] = []
        if let obstacle {
            findings.append(Finding(obstacle == .clientTooOld ? .remoteClientTooOld : .remoteClientMissing, prefix))
        }
        for failure in failures where failure.cause != obstacle {
            let words = failure.way + ": " + ByteString(failure.cause.row.reason.sentence)
            findings.append(
                Finding(
                    .remoteFails,
                    words + (failure.detail.isEmpty ? "" : ": " + failure.detail) + " (" + failure.cause.row.reason.code
                        + "): " + failure.cause.row.advice))
        }
        guard findings.isEmpty else { return findings }
        return [Finding(.remoteInOrder, prefix + " as " + role.rawValue + (client.map { ", by " + $0 } ?? ""))]
    }

    /// nil if no registry is set.
    static func gather(_ settings: RemoteSettings) -> RemoteFacts? {
        guard let prefix = settings.prefix else { return nil }
        var facts = RemoteFacts(prefix: prefix, role: settings.role)
        do throws(RemoteFailure) {
            let client = try RemoteClient.find(settings)
            facts.client = client.path + (client.version.isEmpty ? "" : " " + client.version)
        } catch {
            facts.obstacle = error.cause
        }
        guard let folder = Locations.state else { return facts }
        let state = RemoteState(in: folder, of: prefix)
        for way in RemoteState.Way.allCases {
            if let failure = state.failure(way) { facts.failures.append((way.rawValue, failure.cause, failure.detail)) }
        }
        return facts
    }
}
