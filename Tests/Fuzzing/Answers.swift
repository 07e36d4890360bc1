import Formats
import PathMap
import Planning

@testable import Engine
@testable import Host

/// An engine's answers.
enum Answers {
    private struct Outcome: Equatable {
        let isComplete: Bool
        let status: Int
        let body: [UInt8]
    }

    private static func read(_ pieces: [[UInt8]], hasBody: Bool) -> Outcome? {
        var response = HTTPResponse(hasBody: hasBody)
        do {
            for piece in pieces { try response.append(piece) }
            if !response.isComplete { try response.close() }
        } catch {
            return nil
        }
        return Outcome(isComplete: response.isComplete, status: response.status, body: response.body)
    }

    /// An answer is the same however it is divided on its way. The first byte says whether it has a body and where it
    /// is cut.
    static func http(_ input: ByteString) {
        guard let first = input.bytes.first else { return }
        let text = Array(input.bytes.dropFirst())
        let whole = read([text], hasBody: first & 1 == 0)
        let cut = text.isEmpty ? 0 : Int(first >> 1) % text.count
        require(
            read([Array(text[..<cut]), Array(text[cut...])], hasBody: first & 1 == 0) == whole,
            "cut in two it is another")
        if text.count < 512 {
            require(read(text.map { [$0] }, hasBody: first & 1 == 0) == whole, "byte by byte it is another")
        }
        if let whole { require(whole.isComplete && (100...999).contains(whole.status), "half an answer") }
    }

    /// The answer to a call is the same however it is divided, and a worker read from it can be remembered. The first
    /// byte says where it is cut; after a leading "\0" the rest is the message itself.
    static func call(_ input: ByteString) {
        guard let first = input.bytes.first else { return }
        let text = Array(input.bytes.dropFirst())
        guard first != 0 else { return workers(text) }
        func read(_ pieces: [[UInt8]]) -> [UInt8]? {
            var answer = BuildKitAnswer()
            do { for piece in pieces { try answer.append(piece) } } catch { return nil }
            return answer.message
        }
        let whole = read([text])
        let cut = text.isEmpty ? 0 : Int(first) % text.count
        require(read([Array(text[..<cut]), Array(text[cut...])]) == whole, "cut in two it is another")
        let sevens = stride(from: 0, to: text.count, by: 7).map { Array(text[$0...].prefix(7)) }
        require(read(sevens) == whole, "by seven bytes it is another")
        if text.count < 512 { require(read(text.map { [$0] }) == whole, "byte by byte it is another") }
        if let whole {
            require(whole.count < BuildKitAnswer.longest, "a message longer than its frames")
            workers(whole)
        }
    }

    private static func workers(_ message: [UInt8]) {
        if let records = CacheRecords(listing: message) {
            require(CacheRecords(records.text) == records, "records that are others when read back")
            require(records.areAmong(records), "records that are not their own")
        }
        guard let worker = try? BuildKitWorker.only(in: message) else { return }
        require(
            BuildKitWorker(
                identifier: worker.identifier, usesContainerdStore: worker.usesContainerdStore,
                architecture: worker.architecture) == worker, "a worker that cannot be remembered")
        let question = BuildKitWorker.question(besides: worker)
        require(question.count < 128 && question.filter { $0 == UInt8(ascii: "\"") }.count == 2, "more than one filter")
    }

    static func bodies(_ input: ByteString) {
        if let (version, system) = EngineInfo.release(in: input) {
            require(version.major >= 24 && !system.isEmpty, "a release that is none")
        }
        if let info = EngineInfo(input) { _ = info.obstacleToExport(buildx: Version(0, 19)) }
        if let records = CacheRecords(input) {
            require(CacheRecords(records.text) == records, "a text of records that says something else")
        }
        guard let volumes = PackageVolume.list(in: input) else { return }
        guard case .whole(let generation) = PackageGeneration.current(among: volumes), generation.view != .none else {
            return
        }
        // This text is used in the options of a mount.
        require(PackageGeneration.isPlain(generation.directory), "a directory that cannot stand in options")
        require(
            generation.lowerDirectories.allSatisfy(PackageGeneration.isPlain), "a layer that cannot stand in options")
        for mount in PackageView(random: "1").mounts(of: generation, created: 1) {
            require(CSV.fields(of: mount) != nil && !mount.contains("\n"), "a mount that docker does not understand")
        }
    }

    /// A program's output gives the same lines however it is divided on its way.
    static func conversation(_ input: ByteString) {
        func lines(_ size: Int) -> [ByteString] {
            var (spoken, lines, start) = (LineBuffer(), [ByteString](), 0)
            while start < input.count {
                spoken.add(Array(input.bytes[start...].prefix(size)), keeping: 64) { lines.append($0) }
                start += size
            }
            spoken.end(keeping: 64) { lines.append($0) }
            require(ByteString(spoken.text) == input.suffix(64), "the end of what was said is another")
            return lines
        }
        let whole = lines(max(1, input.count))
        for size in [1, 7] { require(lines(size) == whole, "in pieces they are other lines") }
    }
}
