import ArgumentParser
import Formats
import Notes
import Planning
import Shim

/// `slipway settings`
struct ShowSettings: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Show the settings in force and every line that was ignored.",
        discussion: """
            Read from /etc/slipway/slipway.conf, then ~/.config/slipway/slipway.conf, then SLIPWAY_* variables; a \
            later value overrides an earlier one. Exits with 1 if something was ignored.
            """)

    @Flag(help: "Print JSON: settings, problems.")
    var json = false

    func run() throws {
        let loaded = LoadedSettings.load()
        let problems = loaded.problems.map(\.text) + loaded.unread.map(\.note.message)
        if json {
            let rows = Settings.rows.map { JSON.Member(name: $0.key, value: .string($0.show(loaded.settings))) }
            Output.write(.object(["settings": .object(rows), "problems": .array(problems.map(JSON.string))]))
        } else {
            for row in Settings.rows { Output.write(Output.lines([row.key + " = " + row.show(loaded.settings)])) }
            for problem in problems { Output.complain(problem) }
        }
        if !problems.isEmpty { throw ExitCode.failure }
    }
}
