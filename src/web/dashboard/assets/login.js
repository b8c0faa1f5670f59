//! Takes the reader back to the page that was asked for: a redirect keeps the fragment of the form's address.

const form = document.querySelector("form");
form.action = "/login" + location.hash;
document.getElementById("token").focus();
