import Engine
import Formats
import Host
import Testing

@testable import Warm

/// An engine that keeps volumes and containers in memory and records every call.
final class FakeEngine: EngineClient {
    struct FakeVolume {
        var labels: [ByteString: ByteString] = [:]
        var options: [ByteString: ByteString] = [:]
    }

    var volumes: [ByteString: FakeVolume] = [:]
    var containers: [ByteString: [ByteString]] = [:]
    private(set) var calls: [DockerCall] = []
    /// What a container prints instead of succeeding.
    var builderSays: ByteString =
        "tool\tpip\t23.0.1\t3.11\nkept\tpip\ndigest\tabcdef0123456789\nfiles\t2\nsize\t8\nfinished\n"
    var probe: (_ mount: ByteString) -> DockerAnswer = { _ in DockerAnswer(output: "begun\ngood\n") }
    /// Answers a call, counted from 0, in place of the engine; or throws.
    var instead: (_ index: Int, _ call: DockerCall) throws(DockerClientError) -> DockerAnswer? = {
        (_, _) throws(DockerClientError) in nil
    }

    private(set) var pauses = 0

    func pause() { pauses += 1 }

    /// docker's answer while another process removes a container.
    static func isGoing(_ name: ByteString) -> DockerAnswer {
        DockerAnswer(
            error: "Error response from daemon: removal of container " + name + " is already in progress", exitCode: 1)
    }

    func call(
        _ call: DockerCall, line: (Subprocess.Stream, ByteString) -> Void
    ) throws(DockerClientError) -> DockerAnswer {
        calls.append(call)
        let answer = try instead(calls.count - 1, call) ?? perform(call.words)
        for text in answer.output.split("\n") where !text.isEmpty { line(.output, text) }
        for text in answer.error.split("\n") where !text.isEmpty { line(.error, text) }
        return answer
    }

    private func perform(_ words: [ByteString]) -> DockerAnswer {
        let name = words.last ?? ""
        switch (words.first, words.dropFirst().first) {
        case ("info", _) where name == "{{.ID}}": return DockerAnswer(output: "engine\n")
        case ("info", _): return DockerAnswer(output: #"{"ID":"engine","OSType":"linux"}"# + "\n")
        case ("volume", "ls"):
            let dangling = words.contains("dangling=true")
            let names = volumes.keys.filter { !dangling || !isUsed($0) }.sorted()
            return DockerAnswer(output: names.joined(separator: "\n") + "\n")
        case ("volume", "create"):
            if volumes[name] == nil { volumes[name] = FakeVolume(labels: Self.labels(words)) }
            return DockerAnswer(output: name + "\n")
        case ("volume", "inspect"):
            let names = words.dropFirst(2)
            let missing = names.filter { volumes[$0] == nil }
            return DockerAnswer(
                output: JSON.array(names.compactMap(json)).text,
                error: missing.map { "Error response from daemon: get " + $0 + ": no such volume" }.joined(
                    separator: "\n"),
                exitCode: missing.isEmpty ? 0 : 1)
        case ("volume", "rm"):
            if isUsed(name) {
                return DockerAnswer(
                    error: "Error response from daemon: remove " + name + ": volume is in use", exitCode: 1)
            }
            return volumes.removeValue(forKey: name) == nil
                ? DockerAnswer(error: "no such volume: " + name, exitCode: 1) : DockerAnswer(output: name)
        case ("create", _):
            let container = value(of: "--name", words)
            containers[container] = words
            for mount in words where mount.hasPrefix("type=volume") { makeVolume(mount) }
            return DockerAnswer(output: "0123\n")
        case ("start", _):
            guard let made = containers[name] else { return DockerAnswer(error: "no such container", exitCode: 1) }
            if name.hasPrefix("slipway-probe") {
                return probe(made.first { $0.range(of: "type=overlay") != nil } ?? "")
            }
            let code: Int32 = builderSays.range(of: "finished") == nil ? 1 : 0
            return DockerAnswer(output: builderSays, error: "words of the tool\n", exitCode: code)
        case ("rm", _):
            return containers.removeValue(forKey: name) == nil
                ? DockerAnswer(error: "Error: No such container: " + name, exitCode: 1) : DockerAnswer(output: name)
        default: return DockerAnswer()
        }
    }

    private func value(of option: ByteString, _ words: [ByteString]) -> ByteString {
        guard let index = words.lastIndex(of: option), index + 1 < words.count else { return "" }
        return words[index + 1]
    }

    private static func labels(_ words: [ByteString]) -> [ByteString: ByteString] {
        var labels: [ByteString: ByteString] = [:]
        for (word, next) in zip(words, words.dropFirst()) where word == "--label" {
            if let (name, value) = next.cut(at: "=") { labels[name] = value }
        }
        return labels
    }

    private func makeVolume(_ mount: ByteString) {
        var volume = FakeVolume()
        var name: ByteString = ""
        for field in CSV.fields(of: mount) ?? [] {
            guard let (key, value) = field.cut(at: "=") else { continue }
            if key == "src" { name = value }
            if key == "volume-opt", let (option, text) = value.cut(at: "=") { volume.options[option] = text }
            if key == "volume-label", let (label, text) = value.cut(at: "=") { volume.labels[label] = text }
        }
        if volumes[name] == nil { volumes[name] = volume }
    }

    func isUsed(_ name: ByteString) -> Bool {
        containers.values.contains { $0.contains { $0.range(of: "src=" + name + ",") != nil } }
    }

    private func json(_ name: ByteString) -> JSON? {
        guard let volume = volumes[name] else { return nil }
        return .object([
            "Name": .string(name), "Driver": .string("local"), "Mountpoint": .string("/v/" + name + "/_data"),
            "Labels": .object(volume.labels.map { JSON.Member(name: $0.key, value: .string($0.value)) }),
            "Options": .object(volume.options.map { JSON.Member(name: $0.key, value: .string($0.value)) }),
        ])
    }
}
