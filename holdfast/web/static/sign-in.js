// The key travels in a header and never in an address; what comes back is a cookie that scripts cannot read.
const form = document.getElementById("key-form");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const refused = document.getElementById("refused");
  refused.hidden = true;
  const answer = await fetch(form.dataset.target, {
    method: "POST",
    headers: { "x-functions-key": document.getElementById("key").value },
    redirect: "manual",
  });
  if (answer.ok) {
    location.assign(form.dataset.home);
  } else {
    refused.hidden = false;
  }
});
