import Engine
import Formats
import Host
import Notes
import Planning
import Shim

/// Shared by the commands about builders: docker, its files, and what is remembered.
struct BuilderSite {
    let settings: Settings
    let route: RoutedBuild
    let memory: SharedBuilderMemory
    private let client: DockerClient
    private let json: Bool

    init(json: Bool) throws {
        self.json = json
        settings = LoadedSettings.load().settings
        memory = .remembered(.acting)
        do throws(DockerClientError) {
            client = try EngineCommands.client()
        } catch {
            throw EngineCommands.complain(error, json: json)
        }
        do throws(EngineError) {
            route = try Decision.buildRoute()
        } catch {
            throw Output.failure(error.note.reason.code, error.note.message, json: json)
        }
    }

    func docker(_ words: [ByteString]) throws -> DockerAnswer {
        do throws(DockerClientError) {
            return try client.call(DockerCall(words, .deed))
        } catch {
            throw EngineCommands.complain(error, json: json)
        }
    }

    /// How long a builder may take here; builds give it less.
    private static let patience: Int64 = 5_000_000_000

    /// Asks a builder as builds do, and buildx, which knows its certificates. What answers is remembered.
    func check(_ name: ByteString) throws -> BuilderVerdict {
        let found: DescribedBuilder?
        do throws(EngineError) {
            found = try route.described(name, memory: memory)
        } catch {
            return BuilderVerdict(name: name, advice: error.note.message)
        }
        guard let builder = found else {
            return BuilderVerdict(name: name, advice: "there is no such builder: `slipway builder add` makes one")
        }
        var verdict = BuilderVerdict(builder)
        if let obstacle = builder.obstacle {
            verdict.advice = BuilderVerdict.advice(for: obstacle, builder)
            return verdict
        }
        do throws(EngineError) {
            // A machine may be busy for a moment.
            for _ in 1...3 where verdict.nanoseconds.map({ $0 > settings.builder.wait / 2 }) ?? true {
                let time = try builder.ask(within: Self.patience)
                verdict.nanoseconds = min(verdict.nanoseconds ?? time, time)
            }
        } catch {
            verdict.advice =
                "no answer (" + error.note.message + "): see that BuildKit 0.11 or newer listens at "
                + builder.endpoints.joined(separator: ", ") + " and that nothing on the way keeps you from it"
            return verdict
        }
        let answer = try docker(["buildx", "inspect", builder.name])
        guard answer.isGood, let architecture = BuilderVerdict.architecture(in: answer.lines) else {
            let error = answer.lines.first { $0.hasPrefix("Error:") }?.dropFirst(6).trimmed ?? answer.words
            verdict.advice = "buildx cannot use it: " + (error.isEmpty ? "it tells no platforms" : error)
            return verdict
        }
        verdict.architecture = architecture
        if let time = verdict.nanoseconds, time > settings.builder.wait {
            verdict.advice =
                "it takes longer to answer than builds wait, " + TimeSpan.text(settings.builder.wait)
                + ": most will not go there, unless builder.wait gives it more"
        }
        builder.learn(architecture, memory)
        return verdict
    }
}

/// What is found out about one builder.
struct BuilderVerdict {
    let name: ByteString
    var driver: ByteString = ""
    var endpoints: [ByteString] = []
    var architecture: ByteString?
    var nanoseconds: Int64?
    /// What keeps builds from it, and what to do; nil for nothing.
    var advice: ByteString?

    init(name: ByteString, advice: ByteString) {
        self.name = name
        self.advice = advice
    }

    init(_ builder: DescribedBuilder) {
        name = builder.name
        driver = builder.driver
        endpoints = builder.endpoints
    }

    static func advice(for obstacle: Note, _ builder: DescribedBuilder) -> ByteString {
        let start =
            obstacle.detail.hasPrefix(builder.name)
            ? "it" + obstacle.detail.dropFirst(builder.name.count) : obstacle.detail
        switch builder.driver {
        case "remote" where !builder.loads:
            return start + ": remove it, and make it with `slipway builder add`"
        case "remote" where obstacle.detail.hasSuffix("put another"):
            return start + ": let it listen in a folder that only its owner can write"
        case "remote": return start + ": chmod 600 for the key, and no folder that others may write"
        case "docker-container":
            return start + ": `docker buildx create --driver-opt default-load=true` makes one that loads"
        case "kubernetes":
            return start
                + ", of which a build cannot find out in time whether it answers: put a Service before its pods, and "
                + "`slipway builder add` its address"
        default: return start
        }
    }

    /// The first platform that buildx tells of is the builder's own.
    static func architecture(in lines: [ByteString]) -> ByteString? {
        for line in lines where line.hasPrefix("Platforms:") {
            let first = line.dropFirst(10).split(",").first?.trimmed ?? ""
            let parts = (first.hasSuffix("*") ? first.dropLast(1) : first).split("/")
            if parts.count >= 2, parts[0] == "linux", !parts[1].isEmpty,
                parts[1].bytes.allSatisfy({ $0.isLetter || $0.isDigit })
            {
                return parts[1]
            }
        }
        return nil
    }

    var json: JSON {
        .object([
            "name": .string(name), "driver": .string(driver), "endpoints": .array(endpoints.map(JSON.string)),
            "architecture": .string(orNull: architecture),
            "milliseconds": nanoseconds.map { .integer(Int($0 / 1_000_000)) } ?? .null,
            "usable": .bool(advice == nil), "advice": .string(orNull: advice),
        ])
    }

    var line: ByteString {
        let time = nanoseconds.map { ByteString(decimal: $0 / 1_000_000) + " ms" } ?? "no answer"
        let parts = [driver, endpoints.joined(separator: " "), architecture ?? "", time].filter { !$0.isEmpty }
        return (advice == nil ? "ok    " : "not   ") + name + "  " + parts.joined(separator: ", ")
    }
}

extension DescribedBuilder {
    func json(isShared: Bool) -> JSON {
        .object([
            "name": .string(name), "driver": .string(driver), "endpoints": .array(endpoints.map(JSON.string)),
            "architecture": .string(orNull: architecture), "shared": .bool(isShared),
            "wait": .integer(orNull: wait), "obstacle": obstacle.map { .string($0.message) } ?? .null,
        ])
    }

    func line(isShared: Bool) -> ByteString {
        var parts = [driver, endpoints.joined(separator: " "), architecture ?? "never checked"]
        if let wait { parts.append("did not answer, asked again in " + ByteString(decimal: wait) + " s") }
        if let obstacle { parts.append(obstacle.detail) }
        return (isShared ? "* " : "  ") + name + "  " + parts.filter { !$0.isEmpty }.joined(separator: ", ")
    }
}
