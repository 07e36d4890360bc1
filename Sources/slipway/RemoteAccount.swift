import Formats
import Host
import Notes
import Planning
import Remote
import Shim

/// What `slipway status` reports about the registry: what is remembered, without asking it.
struct RemoteAccount {
    let settings: RemoteSettings
    let prefix: ByteString
    let state: RemoteState

    /// nil if no registry is set.
    init?(_ settings: RemoteSettings) {
        guard let prefix = settings.prefix, let folder = Locations.state else { return nil }
        self.settings = settings
        self.prefix = prefix
        state = RemoteState(in: folder, of: prefix)
    }

    var json: JSON {
        .object([
            "remote": .string(prefix), "role": .string(settings.role.rawValue),
            "keys": .array(
                state.keys.map {
                    .object([.init(name: "name", value: .string($0))] + (state[key: $0].json.members ?? []))
                }),
            "failures": .object(
                RemoteState.Way.allCases.map {
                    .init(name: $0.rawValue, value: state.failure($0)?.json ?? .null)
                }),
        ])
    }

    var text: ByteString {
        var lines = ["", prefix + " as " + settings.role.rawValue]
        for way in RemoteState.Way.allCases {
            guard let failure = state.failure(way) else { continue }
            lines.append(
                "  " + way.rawValue + " failed " + ByteString(decimal: failure.count)
                    + (failure.count == 1 ? " time" : " times") + ", and will be tried again from "
                    + Timestamp.text(failure.until).prefix(16) + " on: " + ByteString(failure.cause.row.reason.sentence)
                    + (failure.detail.isEmpty ? "" : ": " + failure.detail) + " (" + failure.cause.row.reason.code + ")"
            )
            lines.append("    " + failure.cause.row.advice)
        }
        for name in state.keys {
            let known = state[key: name]
            let pushed = known.pushed.map {
                "pushed " + Timestamp.text($0.time).prefix(16) + " " + ByteSize.text(UInt64(clamping: $0.bytes))
            }
            let fetched = known.fetched.map {
                "fetched " + Timestamp.text($0.time).prefix(16) + " " + ByteSize.text(UInt64(clamping: $0.bytes))
            }
            let words = [pushed, fetched].compactMap { $0 }
            lines.append("  " + name + ": " + (words.isEmpty ? "nothing yet" : words.joined(separator: ", ")))
        }
        return Output.lines(lines)
    }
}
