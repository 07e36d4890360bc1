import ArgumentParser
import BuildHistory
import Formats
import Host
import Records
import Shim
import Why

/// `slipway why`
struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Tell why a build's first step that was not cached was not.",
        discussion: """
            Compares what was recorded of the build with what was recorded of the build whose layers it imported, and asks the \
            engine's history (buildx 0.21 and later) which steps were cached. What cannot be proved is "not known"; \
            docs/why.md lists the causes. Exits with 0 when there is something to tell about, 1 when no such build is known.

              slipway why
              slipway why app:latest
              slipway why --json --ref 9p1q2hnlmi3hxowu3m6yoe0xi
            """)

    @Flag(help: "Print JSON: cause, step, sentence, mend, paths, shouldHaveHit, cached, total, time, directory.")
    var json = false

    @Flag(help: "The last build; this is the default.")
    var last = false

    @Option(help: ArgumentHelp("A build of docker buildx history ls, by its ID.", valueName: "id"))
    var ref: String?

    @Argument(help: ArgumentHelp("The last build that gave an image this name.", valueName: "image"))
    var image: String?

    func validate() throws {
        guard [last, ref != nil, image != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("Give one of IMAGE, --last and --ref.")
        }
    }

    func run() throws {
        let docker = RealDocker.find()?.path
        var reference: BuildxHistory.Reference?
        if let ref {
            guard let found = Self.reference(ByteString(ref), docker) else {
                throw Output.failure(
                    "no-build",
                    "buildx has noted no build " + ByteString(ref) + ": docker buildx history ls lists them",
                    json: json)
            }
            reference = found
        }
        guard let build = find(reference) else {
            throw Output.failure(
                "no-build", "no such build is known: the journal and the records beside exports hold none", json: json)
        }
        let explanation = Explanation(of: Evidence(about: build, reference: reference, docker: docker))
        if json { Output.write(explanation.json(of: build.entry)) } else { Output.write(explanation.text) }
    }

    private func find(_ reference: BuildxHistory.Reference?) -> RecordedBuild? {
        if let reference {
            return RecordedBuild.all().first { build in
                guard let record = build.record else { return false }
                return record.began <= reference.began && record.context == reference.context
            }
        }
        if let image {
            let name = Self.tagged(ByteString(image))
            return RecordedBuild.all().first { $0.record?.images.map(Self.tagged).contains(name) ?? false }
        }
        let builds = JournalEntry.entries(of: Journal.files).filter { $0.command == "build" }
        return builds.last.flatMap { RecordedBuild(waitingFor: $0, seconds: 5) }
    }

    private static func reference(_ id: ByteString, _ docker: ByteString?) -> BuildxHistory.Reference? {
        guard let docker, let access = BuildxHistory.Access(docker: docker, globals: []) else { return nil }
        return BuildxHistory(access).references().last { $0.id == id.lastPathComponent }
    }

    private static func tagged(_ name: ByteString) -> ByteString {
        name.lastPathComponent.contains(":") ? name : name + ":latest"
    }
}

extension Explanation {
    private static let mostNamed = 10

    var text: ByteString {
        var lines = [(step.isEmpty ? "" : step.shown + ": ") + sentence.shown]
        lines += paths.prefix(Self.mostNamed).map { "  " + $0.shown }
        if paths.count > Self.mostNamed {
            lines.append("  and " + ByteString(decimal: paths.count - Self.mostNamed) + " more")
        }
        if let mend { lines.append("mend: " + mend.shown) }
        if let cached, let total {
            lines.append(ByteString(decimal: cached) + " of " + ByteString(decimal: total) + " steps were cached")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func json(of entry: JournalEntry?) -> JSON {
        .object([
            "cause": .string(cause.rawValue), "step": .string(step), "sentence": .string(sentence),
            "mend": mend.map(JSON.string) ?? .null, "paths": .array(paths.map(JSON.string)),
            "shouldHaveHit": .bool(shouldHaveHit), "cached": cached.map { .integer($0) } ?? .null,
            "total": total.map { .integer($0) } ?? .null, "time": entry.map { .integer($0.time) } ?? .null,
            "directory": entry.map { .string($0.directory) } ?? .null,
        ])
    }
}
