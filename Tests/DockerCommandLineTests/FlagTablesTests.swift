import Formats
import Testing

@testable import DockerCommandLine

/// Compares the tables with flags.json: the flags found in the sources of docker and buildx, and confirmed on their
/// binaries, for all supported versions. Scripts/check-flags runs only this suite.
@Suite("FlagTables")
struct FlagTablesTests {
    private struct Flag: Hashable {
        let name: ByteString
        let short: ByteString
        let arity: ByteString
    }

    struct Pair: Sendable, CustomTestStringConvertible {
        let table: OptionTable
        let command: ByteString
        var testDescription: String { command.lossy }
    }

    private static let pairs = [
        Pair(table: .docker, command: "docker (global)"),
        Pair(table: .buildx, command: "docker buildx (global)"),
        Pair(table: .buildxBuild, command: "docker buildx build"),
        Pair(table: .buildxBake, command: "docker buildx bake"),
        Pair(table: .compose, command: "docker compose (global)"),
        Pair(table: .composeBuild, command: "docker compose build"),
        Pair(table: .composeUp, command: "docker compose up"),
        Pair(table: .composeCreate, command: "docker compose create"),
        Pair(table: .composeRun, command: "docker compose run"),
        Pair(table: .run, command: "docker run"),
        Pair(table: .create, command: "docker create"),
        Pair(table: .volumeCreate, command: "docker volume create"),
    ]

    private static let commands: JSON? = Resource.read("flags", "json").flatMap { JSON($0) }?[key: "commands"]

    private func flags(of command: ByteString) throws -> [Flag] {
        let members = try #require(Self.commands?[key: command]?[key: "flags"]?.members)
        return try members.map { member in
            let arity = try #require(member.value[key: "arity"]?.string)
            return Flag(name: member.name, short: member.value[key: "short"]?.string ?? "", arity: arity)
        }
    }

    private func flags(of table: OptionTable) -> [Flag] {
        table.rows.map { row in
            let arity: ByteString =
                switch row.arity {
                case .value: "value"
                case .flag: "bool"
                case .optional: "optional"
                }
            let short = row.short.map { ByteString(String(Character($0))) }
            return Flag(name: ByteString(row.name.description), short: short ?? "", arity: arity)
        }
    }

    @Test("The same names, letters and arities, no more and no fewer", arguments: pairs)
    func sameFlags(_ pair: Pair) throws {
        let ours = Set(flags(of: pair.table))
        let theirs = Set(try flags(of: pair.command))
        #expect(theirs.subtracting(ours).isEmpty, "missing, or not like this")
        #expect(ours.subtracting(theirs).isEmpty, "unknown to docker, or not like this")
    }

    @Test("No name and no letter twice, in the order of names", arguments: pairs)
    func rowsAreUnique(_ pair: Pair) {
        let names = flags(of: pair.table).map(\.name)
        #expect(names == Set(names).sorted())
        // `compose run` calls one option no-TTY, and later no-tty.
        let letters = pair.table.rows.filter { $0.name.description != "no-tty" }.compactMap(\.short)
        #expect(letters.count == Set(letters).count)
    }

    @Test("Options may follow positional arguments if docker permits it", arguments: pairs)
    func interspersed(_ pair: Pair) {
        // buildx itself has a sentence there: its options come before the sub-command, where cobra expects words.
        guard let known = Self.commands?[key: pair.command]?[key: "interspersed"]?.bool else {
            #expect(pair.command == "docker buildx (global)")
            return
        }
        #expect(pair.table.isInterspersed == known)
    }

    @Test("`docker build` is parsed the same way for buildx and the legacy builder")
    func legacyAgrees() throws {
        let legacy = try flags(of: "docker build (legacy)")
        for flag in flags(of: .buildxBuild) {
            for other in legacy where other.name == flag.name || (other.short == flag.short && !flag.short.isEmpty) {
                #expect(flag == other)
            }
        }
    }
}
