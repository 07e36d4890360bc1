import ArgumentParser
import Formats
import Foundation
import Host
import Shim

/// `slipway log`
struct Log: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the shim decided, newest last.",
        discussion: "Command lines are not recorded: build arguments hold secrets.")

    @Flag(help: "Print the journal's JSON lines: time, pid, command, directory, changed, notes.")
    var json = false

    @Option(name: [.short, .customLong("last")], help: ArgumentHelp("How many entries.", valueName: "count"))
    var count = 20

    func validate() throws {
        guard count > 0 else { throw ValidationError("--last takes a number above 0") }
    }

    func run() throws {
        var lines: [ByteString] = []
        for path in Journal.files {
            // The shim starts a new file beyond 1 MiB.
            guard let text = try? Files.read(path, limit: 16 << 20) else { continue }
            lines += text.split("\n").filter { !$0.isEmpty }
        }
        for line in lines.suffix(count) {
            if json {
                Output.write(line + "\n")
            } else if let entry = JSON(line) {
                Output.write(text(of: entry))
            }
        }
    }

    private func text(of entry: JSON) -> ByteString {
        let date = Date(timeIntervalSince1970: TimeInterval(entry[key: "time"]?.integer ?? 0))
        let changed = entry[key: "changed"]?.bool == true ? "changed" : "as it was"
        var lines: [ByteString] = [
            ByteString(date.ISO8601Format()) + "  " + (entry[key: "command"]?.string ?? "") + "  "
                + ByteString(changed) + "  " + (entry[key: "directory"]?.string ?? "")
        ]
        for note in entry[key: "notes"]?.array ?? [] {
            lines.append("  " + (note[key: "code"]?.string ?? "") + "  " + (note[key: "message"]?.string ?? ""))
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
