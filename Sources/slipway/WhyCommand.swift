import ArgumentParser
import DockerCommandLine
import Formats
import History
import Host
import Shim

/// `slipway why`
struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Explain why the first step that missed the cache did so.",
        discussion: """
            Compares the record of a build with the record of the build whose layers it imported, and asks the \
            engine's history (buildx 0.21 and later) which steps were cached. Whatever cannot be proved is "not \
            known"; docs/why.md lists the causes. Exits with 0 if a build was explained, 1 if no such build is known.

              slipway why
              slipway why app:latest
              slipway why --json --ref 9p1q2hnlmi3hxowu3m6yoe0xi
            """)

    @Flag(
        help:
            "Print JSON: cause, step, sentence, fix, edits, paths, shouldHaveHit, cached, total, target, targets, time, directory."
    )
    var json = false

    @Flag(help: "The last command that built; this is the default.")
    var last = false

    @Option(
        help: ArgumentHelp(
            "The build of this bake target or compose service; by default one that should have hit, or else one that missed.",
            valueName: "name"))
    var target: String?

    @Option(help: ArgumentHelp("A build in docker buildx history ls, by its ID.", valueName: "id"))
    var ref: String?

    @Argument(help: ArgumentHelp("The last build that gave an image this name.", valueName: "image"))
    var image: String?

    func validate() throws {
        guard [last, ref != nil, image != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("Give one of IMAGE, --last and --ref.")
        }
        guard target == nil || (ref == nil && image == nil) else {
            throw ValidationError("--target applies to the last command: IMAGE and --ref already name one build.")
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
        let builds = find(reference)
        guard
            let told = ToldBuild(
                of: try chosen(of: builds.found), among: builds.all, reference: reference, docker: docker)
        else {
            throw Output.failure(
                "no-build", "no such build is known: the journal and the records beside exports hold none", json: json)
        }
        if json { Output.write(told.json) } else { Output.write(told.text) }
    }

    /// The requested builds, and all builds of the same command.
    private func find(_ reference: BuildxHistory.Reference?) -> (found: [RecordedBuild], all: [RecordedBuild]) {
        func first(_ isWanted: (BuildRecord) -> Bool) -> (found: [RecordedBuild], all: [RecordedBuild]) {
            guard let found = RecordedBuild.all().first(where: { $0.record.map(isWanted) ?? false }) else {
                return ([], [])
            }
            return ([found], RecordedBuild.builds(of: found.entry))
        }
        if let reference { return first { BuildxHistory.reference(of: $0, among: [reference]) != nil } }
        if let image {
            let name = Self.tagged(ByteString(image))
            return first { $0.images.map(Self.tagged).contains(name) }
        }
        let last = RecordedBuild.commands().last.map { RecordedBuild.builds(of: $0, waiting: 5) } ?? []
        return (last, last)
    }

    private func chosen(of builds: [RecordedBuild]) throws -> [RecordedBuild] {
        guard let target, let entry = builds.first?.entry else { return builds }
        let name = BakeTarget.name(of: ByteString(target))
        let chosen = builds.filter { $0.record?.bakeTarget == name }
        guard chosen.isEmpty else { return chosen }
        let names = (builds.compactMap(\.record?.bakeTarget) + entry.targets).withoutRepeats
        let problem =
            names.contains(name)
            ? "nothing was recorded of target " + name
            : "the last build has no target " + name
                + (names.isEmpty ? "" : ": there are " + names.joined(separator: ", "))
        throw Output.failure("no-target", problem, json: json)
    }

    private static func reference(_ id: ByteString, _ docker: ByteString?) -> BuildxHistory.Reference? {
        guard let docker, let access = BuildxHistory.Access(docker: docker, globals: []) else { return nil }
        return BuildxHistory(access).references().last { $0.id == id.lastPathComponent }
    }

    private static func tagged(_ name: ByteString) -> ByteString {
        name.lastPathComponent.contains(":") ? name : name + ":latest"
    }
}

extension ToldBuild {
    var text: ByteString {
        guard let target = build.record?.bakeTarget else { return explanation.text }
        let others = targets.filter { $0 != target }.joined(separator: ", ")
        return target.terminalSafe + ": " + explanation.text
            + (others.isEmpty ? "" : Output.lines(["also built: " + others + " (slipway why --target NAME)"]))
    }

    var json: JSON {
        let told = explanation
        return .object([
            "cause": .string(told.cause.rawValue), "step": .string(told.step), "sentence": .string(told.sentence),
            "fix": .string(orNull: told.fix),
            "edits": .array(told.edits.map { $0.json(below: build.record?.context.text ?? "") }),
            "paths": .array(told.paths.map(JSON.string)),
            "shouldHaveHit": .bool(told.shouldHaveHit), "cached": .integer(orNull: told.cached),
            "total": .integer(orNull: told.total),
            "target": .string(orNull: build.record?.bakeTarget), "targets": .array(targets.map(JSON.string)),
            "time": .integer(build.entry.time), "directory": .string(build.entry.directory),
        ])
    }
}

extension Explanation {
    private static let mostNamed = 10

    fileprivate var text: ByteString {
        var lines = [(step.isEmpty ? "" : step.terminalSafe + ": ") + sentence.terminalSafe]
        lines += paths.prefix(Self.mostNamed).map { "  " + $0.terminalSafe }
        if paths.count > Self.mostNamed {
            lines.append("  and " + ByteString(decimal: paths.count - Self.mostNamed) + " more")
        }
        if let fix { lines.append("fix: " + fix.terminalSafe) }
        if let cached, let total {
            lines.append(ByteString(decimal: cached) + " of " + ByteString(decimal: total) + " steps were cached")
        }
        return Output.lines(lines)
    }
}
