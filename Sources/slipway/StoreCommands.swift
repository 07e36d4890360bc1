import ArgumentParser
import BuildCache
import Formats
import Foundation
import Notes

/// `slipway store ...`
struct StoreCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Prepare a store.", subcommands: [StoreInit.self])
}

/// `slipway store init`
struct StoreInit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Prepare a directory for a store; its contents stay.",
        discussion: """
            Without --shared, only the caller adds layers. With it, every user of the machine does, each in a sub-store of their \
            own, which nobody else can write. As root it also makes the sub-stores of the machine's users, and takes over those \
            that others have made in their names; what those contain is set aside, not deleted.
            """)

    @Flag(help: "For every user of the machine (mode 1777).")
    var shared = false

    @Flag(help: "Print JSON: {\"changes\": [...]}.")
    var json = false

    @Argument(help: "The store's directory.", completion: .directory)
    var directory: String

    func run() throws {
        let path = URL(fileURLWithPath: directory).standardizedFileURL.path
        guard let layout = StoreLayout(root: ByteString(path)) else {
            Output.complain("a store's path must be printable ASCII: choose another one")
            throw ExitCode(2)
        }
        do {
            let changes = try Store(layout).initialize(shared: shared)
            if json {
                Output.write(.object(["changes": .array(changes.map(JSON.string))]))
            } else if changes.isEmpty {
                Output.write(layout.root + " is as it should be\n")
            } else {
                for change in changes { Output.write(change + "\n") }
            }
        } catch {
            Output.complain(error.note.message + "; run this as the directory's owner or as root")
            throw ExitCode.failure
        }
    }
}
