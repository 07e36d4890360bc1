import ArgumentParser
import DockerCommandLine
import Engine
import Formats
import Host
import Notes
import Planning
import Shim

/// `slipway builder ...`
struct BuilderCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "builder", abstract: "Look after BuildKits that several engines share.",
        subcommands: [BuilderAdd.self, BuilderCheck.self, BuilderList.self, BuilderRemove.self])
}

/// `slipway builder add`
struct BuilderAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Make buildx builders for BuildKits at these addresses, and ask each.",
        discussion: """
            Runs `docker buildx create` with the remote driver and default-load=true, so that images come back to the engine. Several \
            addresses make a fleet: NAME-0, NAME-1 and so on, of which each repository uses one. The TLS key must be a file that only you \
            can read. Prints the line for slipway.conf with which builds go there. Exits with 1 when something failed, with what to do \
            about it; a builder that does not answer yet stays.

              slipway builder add team tcp://buildkit.example.com:1234 --tls-ca ca.pem --tls-cert cert.pem --tls-key key.pem
              slipway builder add host unix:///run/buildkit/buildkitd.sock
            """)

    @Argument(help: "What it is called from now on.")
    var name: String

    @Argument(help: "Where a BuildKit listens: tcp://HOST:PORT or unix:///PATH.")
    var endpoints: [String]

    @Option(
        help: ArgumentHelp("The authority that signed the BuildKit's certificate.", valueName: "file"),
        completion: .file())
    var tlsCa: String?

    @Option(help: ArgumentHelp("Your certificate.", valueName: "file"), completion: .file())
    var tlsCert: String?

    @Option(help: ArgumentHelp("Its key.", valueName: "file"), completion: .file())
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "The name in the BuildKit's certificate, unless it is that in its address.", valueName: "name"))
    var tlsServername: String?

    @Flag(help: "Print JSON: builders as of `builder check`, and the setting.")
    var json = false

    func validate() throws {
        guard BuilderSettings.isName(ByteString(name)), ByteString(name) != "none" else {
            throw ValidationError(
                "A builder's name begins with a letter and has letters, digits, dots, dashes and underscores.")
        }
        guard (1...BuilderSettings.most).contains(endpoints.count) else {
            throw ValidationError("Give 1 to 64 addresses.")
        }
        for endpoint in endpoints {
            guard endpoint.hasPrefix("unix:///") || endpoint.hasPrefix("tcp://") else {
                throw ValidationError("An address is tcp://HOST:PORT or unix:///PATH, and not " + endpoint)
            }
        }
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("Give --tls-cert and --tls-key together.")
        }
        guard tlsCa != nil || tlsCert == nil && tlsServername == nil else {
            throw ValidationError("TLS takes --tls-ca, too.")
        }
    }

    func run() throws {
        DeferredSignals.hold()
        let options = try driverOptions()
        let names =
            endpoints.count == 1
            ? [ByteString(name)] : endpoints.indices.map { ByteString(name) + "-" + ByteString(decimal: $0) }
        let site = try BuilderSite(json: json)
        var made: [ByteString] = []
        for (name, endpoint) in zip(names, endpoints) {
            let answer = try site.docker(
                ["buildx", "create", "--name", name, "--driver", "remote"] + options.flatMap { ["--driver-opt", $0] }
                    + ["--", ByteString(endpoint)])
            guard answer.isGood else {
                for name in made { _ = try? site.docker(["buildx", "rm", "--force", name]) }
                Output.complain(answer.words)
                throw Output.failure(
                    "not-made",
                    name
                        + " was not made: `slipway builder list` shows what there is, `slipway builder remove` removes it",
                    json: json)
            }
            made.append(name)
        }
        let checks = try names.map { try site.check($0) }
        let setting = "builder = " + names.joined(separator: ",")
        if json {
            Output.write(.object(["builders": .array(checks.map(\.json)), "setting": .string(setting)]))
        } else {
            Output.write(
                Output.lines(
                    checks.map(\.line)
                        + ["Builds go there with this line in ~/.config/slipway/slipway.conf:", "  " + setting]))
            if options.count == 1, endpoints.contains(where: { $0.hasPrefix("tcp://") }) {
                Output.complain(
                    "without TLS whoever reaches that address builds there, and can put layers into everybody's images: docs/shared-builder.md"
                )
            }
            for check in checks { if let advice = check.advice { Output.complain(check.name + ": " + advice) } }
        }
        if checks.contains(where: { $0.advice != nil }) { throw ExitCode.failure }
    }

    /// `--driver-opt` takes CSV.
    private func driverOptions() throws -> [ByteString] {
        var options: [ByteString] = ["default-load=true"]
        for (option, file) in [("cacert", tlsCa), ("cert", tlsCert), ("key", tlsKey)] as [(ByteString, String?)] {
            guard let file else { continue }
            let given = ByteString(file).absolute(in: (try? Kernel.workingDirectory()) ?? "/")
            let path = (try? Files.realPath(given)) ?? given
            guard PrivateFile.isKept(path, isSecret: option == "key") else {
                throw Output.failure(
                    "file-open",
                    path + " must be a file of yours that nobody else can write"
                        + (option == "key" ? " or read: chmod 600" : ", in folders that nobody else can write"),
                    json: json)
            }
            options.append(CSV.record(of: [option + "=" + path]))
        }
        if let tlsServername { options.append(CSV.record(of: ["servername=" + ByteString(tlsServername)])) }
        return options
    }
}

/// `slipway builder check`
struct BuilderCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Ask shared builders as builds do, and tell how fast they answer and what to do.",
        discussion: """
            Without names, those of the setting builder. A builder that answers is used by builds from then on, also one that you made \
            with `docker buildx create`. Exits with 1 when builds would not go to one of them.
            """)

    @Argument(help: "Names of buildx builders.")
    var names: [String] = []

    @Flag(help: "Print JSON: of each builder name, driver, endpoints, architecture, milliseconds, usable, advice.")
    var json = false

    func run() throws {
        DeferredSignals.hold()
        let site = try BuilderSite(json: json)
        let names = names.isEmpty ? site.settings.builder.names : names.map { ByteString($0) }
        guard !names.isEmpty else {
            throw Output.failure(
                "no-builder", "no builder is named: `slipway builder add NAME ADDRESS`, then set builder = NAME",
                json: json)
        }
        let checks = try names.map { try site.check($0) }
        if json {
            Output.write(.object(["builders": .array(checks.map(\.json))]))
        } else {
            Output.write(Output.lines(checks.map(\.line)))
            for check in checks { if let advice = check.advice { Output.complain(check.name + ": " + advice) } }
        }
        if checks.contains(where: { $0.advice != nil }) { throw ExitCode.failure }
    }
}

/// `slipway builder list`
struct BuilderList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show buildx's builders, and which of them builds go to. Asks none.")

    @Flag(help: "Print JSON: of each builder name, driver, endpoints, architecture, shared, wait, obstacle.")
    var json = false

    func run() throws {
        let site = try BuilderSite(json: json)
        let shared = site.settings.builder.names.map(\.lowercasedASCII)
        let builders = site.route.allDescribed(memory: site.memory)
        if json {
            return Output.write(
                .object([
                    "builders": .array(builders.map { $0.json(isShared: shared.contains($0.name.lowercasedASCII)) })
                ]))
        }
        Output.write(Output.lines(builders.map { $0.line(isShared: shared.contains($0.name.lowercasedASCII)) }))
        for name in shared where !builders.contains(where: { $0.name.lowercasedASCII == name }) {
            Output.complain("the setting builder names " + name + ", which there is not: `slipway builder add`")
        }
    }
}

/// `slipway builder remove`
struct BuilderRemove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract:
            "Remove a builder with the remote driver, or a fleet of them, from buildx; the BuildKits stay as they are.")

    @Argument(help: "As given to `builder add`.")
    var name: String

    @Flag(help: "Print JSON: removed.")
    var json = false

    func run() throws {
        DeferredSignals.hold()
        let site = try BuilderSite(json: json)
        let given = ByteString(name).lowercasedASCII
        let found = site.route.allDescribed(memory: site.memory).filter { builder in
            let name = builder.name.lowercasedASCII
            let number = name.hasPrefix(given + "-") ? name.dropFirst(given.count + 1) : ""
            return name == given || !number.isEmpty && number.decimal != nil
        }
        let own = found.filter { $0.driver == "remote" }
        guard !own.isEmpty else {
            throw Output.failure(
                "no-builder",
                found.isEmpty
                    ? "no builder is called " + ByteString(name) + ": `slipway builder list`"
                    : ByteString(name) + " is not of the remote driver: `docker buildx rm` removes it with its cache",
                json: json)
        }
        for builder in own {
            let answer = try site.docker(["buildx", "rm", "--force", builder.name])
            guard answer.isGood else {
                Output.complain(answer.words)
                throw Output.failure("not-removed", builder.name + " was not removed", json: json)
            }
        }
        if json {
            Output.write(.object(["removed": .array(own.map { .string($0.name) })]))
        } else {
            Output.write(Output.lines(own.map { "removed " + $0.name }))
        }
    }
}
