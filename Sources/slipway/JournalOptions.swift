import ArgumentParser
import Formats
import Foundation
import History
import Host
import Notes

/// `--since`, for all commands that read the journal.
struct Since: ParsableArguments {
    @Option(
        name: .customLong("since"),
        help: ArgumentHelp(
            "Nothing older than this: a duration such as 90s, 30m, 2h, 3d or 1w, or an ISO 8601 date or time (local without a zone).",
            valueName: "when"),
        transform: Since.read)
    var moment: Int?

    @Sendable private static func read(_ text: String) throws -> Int {
        let now = Int(Clock.now / 1_000_000_000)
        let moment = Timestamp.parse(ByteString(text), now: now) { moment in
            TimeZone.current.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(moment)))
        }
        guard let moment else {
            throw ValidationError("Give a duration such as 2h, or a date such as 2026-09-01 or 2026-09-01T08:00Z.")
        }
        return moment
    }
}

extension Reason {
    /// The value of --code.
    @Sendable static func read(_ text: String) throws -> Reason {
        guard let reason = Reason(code: ByteString(text)) else {
            throw ValidationError("No reason has this code; docs/reasons.md lists all, such as SLP217.")
        }
        return reason
    }
}
