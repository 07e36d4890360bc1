import ArgumentParser
import DockerfileLint
import Formats
import History
import Host
import Notes
import Shim

/// `slipway log`
struct Log: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the shim decided, newest last.",
        discussion: """
            Command lines are not recorded, because build arguments contain secrets. With --follow it continues until \
            it is stopped, or until nobody reads its output.
            """)

    @Flag(
        help:
            "Print the journal's JSON lines: time, pid, command, directory, changed, notes, check if slipway check ran it, and lint if something was found."
    )
    var json = false

    @Option(
        name: [.short, .customLong("last")],
        help: ArgumentHelp("How many of the selected entries to show.", valueName: "count"))
    var count = 20

    @Flag(name: [.short, .long], help: "Continue with new decisions.")
    var follow = false

    @OptionGroup var since: Since

    @Option(
        name: .customLong("code"),
        help: ArgumentHelp(
            "Only entries with this reason; if given more than once, with any of them.", valueName: "SLPnnn"),
        completion: .list(Reason.allCases.map(\.code.lossy)), transform: Reason.read)
    var reasons: [Reason] = []

    @Flag(help: "Only commands that stayed unchanged.")
    var declined = false

    var filter: JournalFilter { JournalFilter(since: since.moment, reasons: reasons, onlyDeclined: declined) }

    func validate() throws {
        guard count > 0 else { throw ValidationError("--last takes a number above 0") }
    }

    func run() {
        var position = LinePosition.start
        var shown: Int? = count
        while true {
            // Checked before the file is read, so that later changes to it are noticed.
            let seen = Self.journalStatus
            let written = position.lines(of: Journal.files)
            position = written.end
            let entries = written.new.compactMap { JournalEntry($0) }.filter(filter.accepts)
            for entry in entries.suffix(shown ?? entries.count) {
                // Written anew: this escapes any character in the file that would control a terminal.
                if json { JSON(entry.line).map(Output.write) } else { Output.write(text(of: entry)) }
            }
            guard follow, Output.failure == nil else { return }
            shown = nil
            while Self.journalStatus == seen { Clock.sleep(nanoseconds: 200_000_000) }
        }
    }

    private static var journalStatus: FileStatus? { Journal.files.last.flatMap { try? Files.status($0) } }

    private func text(of entry: JournalEntry) -> ByteString {
        let head = [
            Timestamp.text(entry.time), entry.command, entry.isChanged ? "changed" : "unchanged", entry.directory,
        ]
        let notes = entry.notes.map { "  " + $0.code + "  " + $0.message }
        let findings = entry.findings.map { finding -> ByteString in
            let place = [finding.file, ByteString(decimal: finding.line), ByteString(decimal: finding.column)]
            let title = Rule(code: finding.code).map { ByteString($0.row.title) } ?? ""
            return "  " + finding.code + "  " + place.joined(separator: ":") + "  " + title
        }
        let rest = entry.partlyRead.map { ["  there may be more in it: slipway lint " + $0.shellQuoted] } ?? []
        return Output.lines([head.joined(separator: "  ")] + notes + findings + rest)
    }
}
