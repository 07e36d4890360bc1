import Formats
import History
import TestSupport
import Testing

@Suite("How far a file of lines has been read")
struct LinePositionTests {
    private let folder: TemporaryFolder
    private var files: [ByteString] { [folder["1"], folder["2"]] }

    init() throws { folder = try TemporaryFolder() }

    @Test("Each complete line is new once, even if its file has been moved meanwhile")
    func once() throws {
        var (known, new, position) = LinePosition.start.lines(of: files)
        #expect(known.isEmpty && new.isEmpty && position == .start)
        try folder.write("2", "a\nb\nto")
        (known, new, position) = position.lines(of: files)
        #expect(known.isEmpty && new == ["a", "b"])
        try folder.write("2", "a\nb\ntorn\n")
        (known, new, position) = position.lines(of: files)
        #expect(known == ["a", "b"] && new == ["torn"])
        #expect(position.lines(of: files).new.isEmpty)
        try folder.write("1", "a\nb\ntorn\nd\n")
        try folder.remove("2")
        #expect(position.lines(of: files).new == ["d"])
        try folder.write("2", "")
        #expect(position.lines(of: files).new == ["d"])
        try folder.write("2", "e\n")
        (known, new, position) = position.lines(of: files)
        #expect(known == ["a", "b", "torn"] && new == ["d", "e"])
        (known, new, position) = position.lines(of: files)
        #expect(known == ["a", "b", "torn", "d", "e"] && new.isEmpty)
    }

    @Test("If the last line is gone, all are new, whatever is in its place")
    func gone() throws {
        try folder.write("2", "aa\nbb\n")
        let position = LinePosition.start.lines(of: files).end
        try folder.write("2", "cc\ndd\nee\n")
        #expect(position.lines(of: files).new == ["cc", "dd", "ee"])
        try folder.write("2", "c\n")
        #expect(position.lines(of: files).new == ["c"])
        try folder.write("2", "no line")
        #expect(position.lines(of: files).new.isEmpty && position.lines(of: files).end == position)
        #expect(LinePosition(offset: .max, digest: "").lines(of: files).new.isEmpty)
        #expect(LinePosition(offset: -1, digest: "").lines(of: files).new.isEmpty)
    }
}
